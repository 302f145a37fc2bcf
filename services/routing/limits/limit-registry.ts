import { ConcurrencyLimit } from "./concurrency-limit.ts";

/** What a limit is known by. */
export interface LimitName {
  readonly key: string;
  /** What sets it, in words for people. */
  readonly scope: string;
}

/** Concurrency limits by key; one outlives revisions of the configuration with whatever is in flight in it. */
export class LimitRegistry {
  readonly #limits = new Map<string, ConcurrencyLimit>();

  /** The limit of this key, with this scope and bound from now on. */
  get({ key, scope }: LimitName, maxConcurrency: number): ConcurrencyLimit {
    let limit = this.#limits.get(key);
    if (limit === undefined) {
      limit = new ConcurrencyLimit(maxConcurrency);
      this.#limits.set(key, limit);
    }
    limit.setMax(maxConcurrency);
    limit.scope = scope;
    return limit;
  }

  /** Drops whatever is not in use any more. Attempts under way keep the limits that they entered. */
  keep(used: ReadonlySet<ConcurrencyLimit>): void {
    for (const [key, limit] of this.#limits) {
      if (!used.has(limit)) {
        this.#limits.delete(key);
      }
    }
  }
}
