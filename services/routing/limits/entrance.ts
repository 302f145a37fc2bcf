import type { ConcurrencyLimit } from "./concurrency-limit.ts";

/** The way of one attempt into all limits of its target, one after the other, within one bounded wait. */
export class Entrance {
  readonly #limits: readonly ConcurrencyLimit[];
  readonly #untilMs: number;
  readonly #nowMs: () => number;
  #entered = 0;
  #giveUp: (() => void) | undefined;

  constructor(limits: readonly ConcurrencyLimit[], untilMs: number, nowMs: () => number) {
    this.#limits = limits;
    this.#untilMs = untilMs;
    this.#nowMs = nowMs;
  }

  /** Enters, now or later. `settle` is called once with whether every limit had a place, and not after `leave`. */
  enter(settle: (hasPlace: boolean) => void): void {
    let limit = this.#limits[this.#entered];
    while (limit?.tryEnter()) {
      this.#entered += 1;
      limit = this.#limits[this.#entered];
    }
    if (limit === undefined) {
      settle(true);
      return;
    }
    this.#giveUp = limit.enter(this.#untilMs - this.#nowMs(), (hasPlace) => {
      if (hasPlace) {
        this.#entered += 1;
        this.enter(settle);
      } else {
        this.leave();
        settle(false);
      }
    });
  }

  /** Gives back whatever was entered, and gives up what was waited for. Idempotent. */
  leave(): void {
    this.#giveUp?.();
    this.#giveUp = undefined;
    const entered = this.#limits.slice(0, this.#entered);
    this.#entered = 0;
    for (const limit of entered) {
      limit.leave();
    }
  }
}
