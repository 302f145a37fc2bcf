import type { BreakerPolicy } from "./target-breaker.ts";
import { type HealthListener, identityKey, TargetHealth, type TargetIdentity } from "./target-health.ts";

/** A target whose health is still of interest, and the breaker settings that it is called with. */
export interface HealthUse {
  readonly health: TargetHealth;
  readonly breakerPolicy: BreakerPolicy;
}

/** One health record for each target, whichever endpoints call it. It outlives revisions of the configuration. */
export class HealthRegistry {
  readonly #listener: HealthListener;
  readonly #records = new Map<string, TargetHealth>();

  constructor(listener: HealthListener) {
    this.#listener = listener;
  }

  /** The record of a target; made at the first call. */
  get(identity: TargetIdentity): TargetHealth {
    const key = identityKey(identity);
    let health = this.#records.get(key);
    if (health === undefined) {
      health = new TargetHealth(identity, this.#listener);
      this.#records.set(key, health);
    }
    return health;
  }

  /** All records, in the order in which they were made. */
  list(): readonly TargetHealth[] {
    return [...this.#records.values()];
  }

  /** Drops whatever is not in use any more. Attempts under way keep the records that they began with. */
  keep(uses: Iterable<HealthUse>): void {
    const policies = new Map<TargetHealth, BreakerPolicy[]>();
    for (const { health, breakerPolicy } of uses) {
      const known = policies.get(health);
      if (known === undefined) {
        policies.set(health, [breakerPolicy]);
      } else {
        known.push(breakerPolicy);
      }
    }
    for (const [key, health] of this.#records) {
      const used = policies.get(health);
      if (used === undefined) {
        this.#records.delete(key);
      } else {
        health.keepBreakers(used);
      }
    }
  }
}
