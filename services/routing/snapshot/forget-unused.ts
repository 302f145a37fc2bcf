import type { HealthRegistry } from "../health/health-registry.ts";
import type { LimitRegistry } from "../limits/limit-registry.ts";
import type { Snapshot, Target } from "./snapshot.ts";

/** Every target of a configuration. */
function* targetsOf(snapshot: Snapshot): Generator<Target> {
  for (const { primaries, fallbacks } of snapshot.endpoints.values()) {
    yield* primaries;
    yield* fallbacks;
  }
}

/** Drops health records and limits that no target of the configuration in force refers to. */
export function forgetUnused(snapshot: Snapshot, health: HealthRegistry, limits: LimitRegistry): void {
  const targets = [...targetsOf(snapshot)];
  health.keep(targets.map((target) => ({ health: target.health, breakerPolicy: target.policy.breaker })));
  limits.keep(new Set(targets.flatMap((target) => target.limits)));
}
