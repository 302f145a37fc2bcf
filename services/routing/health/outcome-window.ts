const bucketCount = 10;

/**
 * Counts successes and failures of the last `windowMs` milliseconds in ten buckets, so that its memory is constant
 * whatever the traffic. Times are monotonic milliseconds and never go back.
 */
export class OutcomeWindow {
  readonly #bucketMs: number;
  readonly #successes = new Uint32Array(bucketCount);
  readonly #failures = new Uint32Array(bucketCount);
  #newest = 0;

  constructor(windowMs: number) {
    this.#bucketMs = Math.max(1, windowMs / bucketCount);
  }

  add(isFailure: boolean, nowMs: number): void {
    this.#forget(nowMs);
    const counts = isFailure ? this.#failures : this.#successes;
    const bucket = this.#newest % bucketCount;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }

  /** Outcomes that are still in the window. */
  totals(nowMs: number): { readonly requests: number; readonly failures: number } {
    this.#forget(nowMs);
    let failures = 0;
    let successes = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      failures += this.#failures[bucket] ?? 0;
      successes += this.#successes[bucket] ?? 0;
    }
    return { requests: failures + successes, failures };
  }

  clear(): void {
    this.#successes.fill(0);
    this.#failures.fill(0);
  }

  #forget(nowMs: number): void {
    const current = Math.floor(nowMs / this.#bucketMs);
    if (current - this.#newest >= bucketCount) {
      this.clear();
    } else {
      for (let bucket = this.#newest + 1; bucket <= current; bucket++) {
        this.#successes[bucket % bucketCount] = 0;
        this.#failures[bucket % bucketCount] = 0;
      }
    }
    this.#newest = Math.max(this.#newest, current);
  }
}
