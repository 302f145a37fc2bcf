import { configV1 } from "#contracts";
import type { Provider } from "#providers";
import { resolveEndpointPolicy, resolveTargetPolicy } from "../policy/resolve-policy.ts";
import type { CompiledEndpoint, Target } from "./snapshot.ts";

const { GatewayModelLinkageType, RoutingStrategy } = configV1;

/** Finds a provider by its id. */
export type FindProvider = (id: string) => Provider | undefined;

/** Works out of an endpoint whatever does not depend on a request. Never throws: what is missing shows when it is called. */
export function compileEndpoint(endpoint: configV1.GatewayEndpoint, findProvider: FindProvider): CompiledEndpoint {
  const primaries: Target[] = [];
  const fallbacks: { readonly target: Target; readonly order: number }[] = [];
  for (const mapping of endpoint.modelMappings) {
    const target = compileTarget(endpoint, mapping, findProvider);
    if (target.role === GatewayModelLinkageType.FALLBACK) {
      fallbacks.push({ target, order: mapping.fallbackOrder ?? Number.POSITIVE_INFINITY });
    } else {
      primaries.push(target);
    }
  }
  let total = 0;
  const cumulativeWeights = primaries.map(({ weight }) => {
    total += weight;
    return total;
  });
  return {
    name: endpoint.name ?? "",
    description: endpoint.description ?? "",
    createdAtMs: endpoint.createdAt ?? 0n,
    drawsByWeight: endpoint.routingStrategy === RoutingStrategy.REQUEST_BASED_TRAFFIC_SPLIT,
    primaries,
    cumulativeWeights,
    fallbacks: fallbacks
      .sort((left, right) => (left.order === right.order ? 0 : left.order - right.order))
      .slice(0, endpoint.fallbackConfig?.maxAttempts || undefined)
      .map(({ target }) => target),
    policy: resolveEndpointPolicy(endpoint.policy),
  };
}

function compileTarget(
  endpoint: configV1.GatewayEndpoint,
  mapping: configV1.GatewayEndpointModelMapping,
  findProvider: FindProvider,
): Target {
  const model = mapping.modelDefinition;
  const providerId = model?.provider ?? "";
  const modelName = model?.modelName ?? "";
  return {
    mappingId: mapping.mappingId ?? "",
    name: mapping.name ?? model?.name ?? "",
    label: `${encodeForHeader(providerId)}/${encodeForHeader(modelName)}`,
    role: mapping.linkageType ?? GatewayModelLinkageType.PRIMARY,
    weight: mapping.weight ?? 1,
    providerId,
    provider: findProvider(providerId),
    model: modelName,
    baseUrl: model?.baseUrl,
    secretId: model?.secretId,
    contextWindow: model?.contextWindow === undefined ? undefined : Number(model.contextWindow),
    propagatesTraceContext: model?.propagateTraceContext ?? false,
    policy: resolveTargetPolicy([mapping.policy, model?.policy, endpoint.policy]),
  };
}

/** Keeps what model names are made of readable, and everything out that would split a trail or a header. */
function encodeForHeader(text: string): string {
  return encodeURI(text.toWellFormed()).replace(
    /[,;?#&=$!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
