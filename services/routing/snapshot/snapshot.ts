import type { CompiledExpression } from "#conditions";
import type { configV1 } from "#contracts";
import type { Provider } from "#providers";
import type { TargetBreaker } from "../health/target-breaker.ts";
import type { TargetHealth } from "../health/target-health.ts";
import type { ConcurrencyLimit } from "../limits/concurrency-limit.ts";
import type { EndpointPolicy, TargetPolicy } from "../policy/resolve-policy.ts";
import type { EndpointRule } from "./endpoint-rule.ts";

/** One mapping of an endpoint, ready to be called. */
export interface Target {
  readonly mappingId: string;
  /** Name of the mapping, by which people know it. */
  readonly name: string;
  /** `provider/model`, percent-encoded so that it fits a header. */
  readonly label: string;
  readonly role: configV1.GatewayModelLinkageType;
  /** Share of the draw; of no meaning for a FALLBACK. */
  readonly weight: number;
  readonly providerId: string;
  /** Undefined when this build does not know the provider. */
  readonly provider: Provider | undefined;
  /** Name of the model at the provider. */
  readonly model: string;
  readonly baseUrl: string | undefined;
  /** Key into `Snapshot.secrets`; undefined when none is needed. */
  readonly secretId: string | undefined;
  /** Tokens; undefined when not declared. */
  readonly contextWindow: number | undefined;
  /** Most tokens of an answer; undefined when not declared. */
  readonly maxOutputTokens: number | undefined;
  /** What the model is declared to do; empty when nothing is. */
  readonly capabilities: ReadonlySet<string>;
  readonly propagatesTraceContext: boolean;
  readonly policy: TargetPolicy;
  /** What is known of the target, shared by all endpoints that call it. */
  readonly health: TargetHealth;
  /** The breaker of `health` with this target's settings. */
  readonly breaker: TargetBreaker;
  /** Limits on attempts in flight, of the endpoint and of the model; all of them must be entered. */
  readonly limits: readonly ConcurrencyLimit[];
  /** Active health check; undefined for none. */
  readonly probe: configV1.Probe | undefined;
}

/** An endpoint with everything worked out that does not depend on the request. */
export interface CompiledEndpoint {
  readonly name: string;
  readonly description: string;
  readonly createdAtMs: bigint;
  readonly drawsByWeight: boolean;
  /** In the order of the configuration. */
  readonly primaries: readonly Target[];
  /** Sum of the weights of all primaries up to and with this one. */
  readonly cumulativeWeights: readonly number[];
  /** In the order in which they are tried. */
  readonly fallbacks: readonly Target[];
  /** Most FALLBACK targets that one request tries; infinite for all. */
  readonly maxFallbacks: number;
  /** In the order in which they are evaluated. */
  readonly rules: readonly EndpointRule<Target>[];
  readonly stickyKey: CompiledExpression<string> | undefined;
  /** Whether the chain depends on what is in the request. */
  readonly readsRequest: boolean;
  readonly policy: EndpointPolicy;
}

/** An API key, as the gate knows it. */
export interface CallerKey {
  readonly name: string;
  /** Names of the endpoints that it may use; undefined: all. */
  readonly endpoints: ReadonlySet<string> | undefined;
}

/** One consistent revision of the whole configuration. It never changes; a new revision is a new snapshot. */
export interface Snapshot {
  readonly revision: bigint;
  readonly endpoints: ReadonlyMap<string, CompiledEndpoint>;
  /** By secret id, still encrypted. */
  readonly secrets: ReadonlyMap<string, configV1.SealedSecret>;
  /** By the key's SHA-256 in base64. */
  readonly keys: ReadonlyMap<string, CallerKey>;
}
