import type { configV1 } from "#contracts";
import type { Provider } from "#providers";
import type { EndpointPolicy, TargetPolicy } from "../policy/resolve-policy.ts";

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
  readonly propagatesTraceContext: boolean;
  readonly policy: TargetPolicy;
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
  /** In the order in which they are tried, cut to `max_attempts`. */
  readonly fallbacks: readonly Target[];
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
