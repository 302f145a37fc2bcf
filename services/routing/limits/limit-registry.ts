import { ConcurrencyLimit } from "./concurrency-limit.ts";

/** Concurrency limits by name; one outlives revisions of the configuration with whatever is in flight in it. */
export class LimitRegistry {
  readonly #limits = new Map<string, ConcurrencyLimit>();

  /** The limit of this name, with this bound from now on. */
  get(name: string, maxConcurrency: number): ConcurrencyLimit {
    const known = this.#limits.get(name);
    if (known !== undefined) {
      known.setMax(maxConcurrency);
      return known;
    }
    const limit = new ConcurrencyLimit(maxConcurrency);
    this.#limits.set(name, limit);
    return limit;
  }

  /** Drops whatever is not in use any more. Attempts under way keep the limits that they entered. */
  keep(used: ReadonlySet<ConcurrencyLimit>): void {
    for (const [name, limit] of this.#limits) {
      if (!used.has(limit)) this.#limits.delete(name);
    }
  }
}
