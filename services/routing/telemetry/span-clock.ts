import type { Clock } from "../clock.ts";

/** Times of the spans of one request: on the clock of the machine, and in the order in which things happened. */
export class SpanClock {
  readonly #clock: Clock;
  readonly #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    // Starts alone would be rounded to whole milliseconds, and one attempt would seem to begin before the other's end.
    this.#offsetMs = clock.epochMs() - clock.monotonicMs();
  }

  /** Milliseconds since the epoch, with fractions. */
  nowMs(): number {
    return this.#offsetMs + this.#clock.monotonicMs();
  }
}
