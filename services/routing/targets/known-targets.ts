import type { configV1 } from "#contracts";
import type { TargetBreaker } from "../health/target-breaker.ts";
import type { TargetHealth } from "../health/target-health.ts";
import type { ConcurrencyLimit } from "../limits/concurrency-limit.ts";
import type { Snapshot, Target } from "../snapshot/snapshot.ts";

/** One target with all that its endpoints say of it. */
export interface KnownTarget {
  readonly health: TargetHealth;
  /** `provider/model`, percent-encoded, as in trails. */
  readonly label: string;
  /** Base URL of the model definition or else of its secret; undefined: the provider's own. */
  readonly baseUrl: string | undefined;
  /** Sorted. */
  readonly endpoints: readonly string[];
  readonly breakers: readonly TargetBreaker[];
  readonly limits: readonly ConcurrencyLimit[];
  /** The active health check; of several, that of the endpoint whose name sorts first. */
  readonly probe: configV1.Probe | undefined;
}

const remembered = new WeakMap<Snapshot, ReadonlyMap<string, KnownTarget>>();

/** Every target of a configuration by its id, in the order of ids. */
export function knownTargets(snapshot: Snapshot): ReadonlyMap<string, KnownTarget> {
  let known = remembered.get(snapshot);
  if (known === undefined) {
    known = gather(snapshot);
    remembered.set(snapshot, known);
  }
  return known;
}

interface Use {
  readonly endpoint: string;
  readonly target: Target;
}

function gather(snapshot: Snapshot): ReadonlyMap<string, KnownTarget> {
  const uses = new Map<string, Use[]>();
  const endpoints = [...snapshot.endpoints.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const { name, primaries, fallbacks } of endpoints) {
    for (const target of [...primaries, ...fallbacks]) {
      const use = { endpoint: name, target };
      const known = uses.get(target.health.id);
      if (known === undefined) {
        uses.set(target.health.id, [use]);
      } else {
        known.push(use);
      }
    }
  }
  const ids = [...uses.keys()].sort();
  return new Map(ids.map((id) => [id, toKnownTarget(uses.get(id) as [Use, ...Use[]], snapshot)]));
}

function toKnownTarget(uses: readonly [Use, ...Use[]], snapshot: Snapshot): KnownTarget {
  const { health, label, baseUrl, secretId } = uses[0].target;
  const secret = secretId === undefined ? undefined : snapshot.secrets.get(secretId);
  return {
    health,
    label,
    baseUrl: baseUrl ?? secret?.authConfig.api_base,
    endpoints: [...new Set(uses.map(({ endpoint }) => endpoint))],
    breakers: [...new Set(uses.map(({ target }) => target.breaker))],
    limits: [...new Set(uses.flatMap(({ target }) => target.limits))],
    probe: uses.find(({ target }) => target.probe !== undefined)?.target.probe,
  };
}
