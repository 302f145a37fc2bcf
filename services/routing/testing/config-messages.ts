import { configV1 } from "#contracts";

const { GatewayModelLinkageType } = configV1;

/** One mapping, in short. */
export interface MappingSketch {
  readonly model: string;
  readonly provider?: string;
  readonly weight?: number;
  /** Makes it a FALLBACK of that order. */
  readonly fallback?: number;
  readonly baseUrl?: string;
  readonly secretId?: string;
  readonly contextWindow?: number;
  readonly maxOutputTokens?: number;
  readonly capabilities?: readonly string[];
  readonly propagateTraceContext?: boolean;
  readonly policy?: Partial<configV1.Policy>;
  readonly modelPolicy?: Partial<configV1.Policy>;
  readonly probe?: configV1.Probe;
}

/** One endpoint, in short. */
export interface EndpointSketch {
  readonly name?: string;
  readonly split?: boolean;
  readonly maxAttempts?: number;
  readonly policy?: Partial<configV1.Policy>;
  readonly rules?: readonly configV1.Rule[];
  readonly stickyKey?: string;
  readonly targets: readonly MappingSketch[];
}

/** A policy with these fields, everything else open. */
function toPolicy(fields: Partial<configV1.Policy> = {}): configV1.Policy {
  return { ...configV1.Policy.fromPartial({}), ...fields };
}

/** Retries without waits worth speaking of. */
export function quickRetries(max: number): configV1.Retries {
  return { max, initialBackoffMs: 1, maxBackoffMs: 50 };
}

/** The message of an endpoint; ids are made of names. */
export function toEndpoint(sketch: EndpointSketch): configV1.GatewayEndpoint {
  const name = sketch.name ?? "chat";
  return {
    ...configV1.GatewayEndpoint.fromPartial({}),
    endpointId: `e-${name}`,
    name,
    createdAt: 1_700_000_000_000n,
    routingStrategy: sketch.split ? configV1.RoutingStrategy.REQUEST_BASED_TRAFFIC_SPLIT : undefined,
    fallbackConfig: sketch.maxAttempts === undefined ? undefined : { maxAttempts: sketch.maxAttempts },
    policy: sketch.policy === undefined ? undefined : toPolicy(sketch.policy),
    rules: [...(sketch.rules ?? [])],
    stickyKey: sketch.stickyKey,
    modelMappings: sketch.targets.map((target) => toMapping(name, target)),
  };
}

function toMapping(endpoint: string, sketch: MappingSketch): configV1.GatewayEndpointModelMapping {
  const role = sketch.fallback === undefined ? GatewayModelLinkageType.PRIMARY : GatewayModelLinkageType.FALLBACK;
  return {
    ...configV1.GatewayEndpointModelMapping.fromPartial({}),
    mappingId: `m-${endpoint}-${sketch.model}${sketch.fallback === undefined ? "" : "-fallback"}`,
    linkageType: role,
    weight: sketch.weight,
    fallbackOrder: sketch.fallback,
    policy: sketch.policy === undefined ? undefined : toPolicy(sketch.policy),
    probe: sketch.probe,
    modelDefinition: {
      ...configV1.GatewayModelDefinition.fromPartial({}),
      modelDefinitionId: `d-${sketch.model}`,
      name: sketch.model,
      provider: sketch.provider ?? "fake",
      modelName: sketch.model,
      baseUrl: sketch.baseUrl,
      secretId: sketch.secretId,
      contextWindow: sketch.contextWindow === undefined ? undefined : BigInt(sketch.contextWindow),
      maxOutputTokens: sketch.maxOutputTokens === undefined ? undefined : BigInt(sketch.maxOutputTokens),
      capabilities: [...(sketch.capabilities ?? [])],
      propagateTraceContext: sketch.propagateTraceContext,
      policy: sketch.modelPolicy === undefined ? undefined : toPolicy(sketch.modelPolicy),
    },
  };
}
