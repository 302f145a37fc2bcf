import type { CallContext, CallSignal } from "#rpc";
import type { Clock } from "../clock.ts";

// A deadline's own timer and the clock need not agree to the millisecond.
const toleranceMs = 5;

/** Cancels a run when its caller goes away. A deadline that passed is left to the run, which knows what to say of it. */
export class CallerSignal {
  readonly #signal: CallSignal | undefined;
  readonly #deadlineAtMs: number;
  readonly #clock: Clock;
  readonly #run: { cancel(): void };

  constructor(context: CallContext, clock: Clock, run: { cancel(): void }) {
    this.#signal = context.signal;
    this.#deadlineAtMs = context.deadlineAtMs ?? Number.POSITIVE_INFINITY;
    this.#clock = clock;
    this.#run = run;
    this.#signal?.addEventListener("abort", this.#onAbort);
  }

  /** Whether the caller had gone before the run began. */
  get isAborted(): boolean {
    return this.#signal?.aborted === true && !this.#isPastDeadline();
  }

  // A function: Node keeps what listens as an object in memory until the next full garbage collection.
  readonly #onAbort = (): void => {
    if (!this.#isPastDeadline()) {
      this.#run.cancel();
    }
  };

  /** Must be called when the run is over. */
  close(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #isPastDeadline(): boolean {
    return this.#clock.epochMs() + toleranceMs >= this.#deadlineAtMs;
  }
}
