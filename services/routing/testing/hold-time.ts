import { onTestFinished, vi } from "vitest";

/** Time that passes only when a test says so, while turns of the event loop go on. */
export interface HeldTime {
  /** Lets so many milliseconds pass at once. */
  advance(ms: number): void;
  /** Lets time pass, a millisecond in each turn of the event loop, until the promise has settled. Gives what it gives. */
  passUntil<Value>(promise: Promise<Value>): Promise<Value>;
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Holds the timers and clocks of the process until the test is over: how fast the machine is no longer matters. */
export function holdTime(): HeldTime {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
  let isHeld = true;
  onTestFinished(() => {
    isHeld = false;
    vi.useRealTimers();
  });
  return {
    advance: (ms) => void vi.advanceTimersByTime(ms),
    async passUntil(promise) {
      let isSettled = false;
      const settle = () => {
        isSettled = true;
      };
      promise.then(settle, settle);
      for (await nextTurn(); isHeld && !isSettled; await nextTurn()) {
        vi.advanceTimersByTime(1);
      }
      return promise;
    },
  };
}
