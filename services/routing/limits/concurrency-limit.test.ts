import { describe, expect, it } from "vitest";
import { ConcurrencyLimit, maxWaiting, type WaitTimers } from "./concurrency-limit.ts";

class ManualTimers implements WaitTimers {
  readonly pending = new Set<() => void>();

  setTimeout(callback: () => void): unknown {
    this.pending.add(callback);
    return callback;
  }

  clearTimeout(timer: unknown): void {
    this.pending.delete(timer as () => void);
  }

  fireAll(): void {
    for (const callback of [...this.pending]) {
      this.pending.delete(callback);
      callback();
    }
  }
}

describe("a concurrency limit", () => {
  it("gives as many places as it has, and says no at once where no wait is allowed", () => {
    const limit = new ConcurrencyLimit(2);
    const answers: boolean[] = [];
    for (let n = 0; n < 3; n++) {
      limit.enter(0, (hasPlace) => answers.push(hasPlace));
    }
    expect(answers).toEqual([true, true, false]);
    limit.leave();
    expect(limit.tryEnter()).toBe(true);
    expect(limit.inFlight).toBe(2);
  });

  it("hands a place that is left to the one who waits longest", () => {
    const timers = new ManualTimers();
    const limit = new ConcurrencyLimit(1, timers);
    const order: string[] = [];
    limit.enter(50, () => order.push("first"));
    limit.enter(50, () => order.push("second"));
    limit.enter(50, () => order.push("third"));
    expect(limit.tryEnter()).toBe(false);
    limit.leave();
    limit.leave();
    expect(order).toEqual(["first", "second", "third"]);
    expect(timers.pending.size).toBe(0);
    expect(limit.inFlight).toBe(1);
  });

  it("ends a wait in time, and takes no place for it", () => {
    const timers = new ManualTimers();
    const limit = new ConcurrencyLimit(1, timers);
    limit.tryEnter();
    const answers: boolean[] = [];
    limit.enter(50, (hasPlace) => answers.push(hasPlace));
    timers.fireAll();
    expect(answers).toEqual([false]);
    limit.leave();
    expect(limit.inFlight).toBe(0);
  });

  it("calls nobody who gave the wait up", () => {
    const timers = new ManualTimers();
    const limit = new ConcurrencyLimit(1, timers);
    limit.tryEnter();
    const giveUp = limit.enter(50, () => expect.unreachable());
    giveUp();
    limit.leave();
    expect(limit.inFlight).toBe(0);
    expect(timers.pending.size).toBe(0);
  });

  it("lets only so many wait", () => {
    const limit = new ConcurrencyLimit(1, new ManualTimers());
    limit.tryEnter();
    const answers: boolean[] = [];
    for (let n = 0; n <= maxWaiting; n++) {
      limit.enter(50, (hasPlace) => answers.push(hasPlace));
    }
    expect(answers).toEqual([false]);
  });

  it("calls those who leave as soon as they are admitted one after the other, however many they are", () => {
    const limit = new ConcurrencyLimit(1, new ManualTimers());
    limit.tryEnter();
    let depth = 0;
    const depths: number[] = [];
    for (let n = 0; n < maxWaiting; n++) {
      limit.enter(50, () => {
        depth += 1;
        depths.push(depth);
        limit.leave();
        depth -= 1;
      });
    }
    limit.leave();
    expect(depths).toHaveLength(maxWaiting);
    expect(Math.max(...depths)).toBe(1);
    expect(limit.inFlight).toBe(0);
  });

  it("goes on admitting after one who was admitted threw", () => {
    const limit = new ConcurrencyLimit(1, new ManualTimers());
    limit.tryEnter();
    let admitted = false;
    limit.enter(50, () => {
      throw new Error("a bug");
    });
    limit.enter(50, () => {
      admitted = true;
    });
    expect(() => limit.leave()).toThrow("a bug");
    limit.leave();
    expect(admitted).toBe(true);
  });

  it("admits who waits when the bound grows", () => {
    const limit = new ConcurrencyLimit(1, new ManualTimers());
    limit.tryEnter();
    let admitted = false;
    limit.enter(50, (hasPlace) => {
      admitted = hasPlace;
    });
    limit.setMax(2);
    expect(admitted).toBe(true);
  });
});
