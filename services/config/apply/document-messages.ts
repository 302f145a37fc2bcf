import { configV1 } from "#contracts";
import { hashApiKey } from "#secrets";

const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;

/** The clear part of a document's secret. */
export function toSecretInfo(entry: configV1.SecretEntry): configV1.GatewaySecretInfo {
  return configV1.GatewaySecretInfo.fromPartial({
    secretName: entry.name,
    provider: entry.provider,
    authConfig: entry.authConfig,
  });
}

/** A document's model as it is stored; `secretId` is the id of the secret that it names, if it names one. */
export function toModelDefinition(
  entry: configV1.ModelEntry,
  secretId: string | undefined,
): configV1.GatewayModelDefinition {
  return configV1.GatewayModelDefinition.fromPartial({
    name: entry.name,
    provider: entry.provider,
    modelName: entry.model,
    secretId,
    baseUrl: entry.baseUrl,
    contextWindow: entry.contextWindow,
    maxOutputTokens: entry.maxOutputTokens,
    capabilities: entry.capabilities,
    price: entry.price,
    policy: entry.policy,
    probe: entry.probe,
    propagateTraceContext: entry.propagateTraceContext,
  });
}

/** A document's endpoint as it is stored: PRIMARY mappings first, then FALLBACK ones in their order. */
export function toEndpoint(
  entry: configV1.EndpointEntry,
  toModelId: (name: string) => string | undefined,
): configV1.GatewayEndpoint {
  const toMapping = (target: configV1.TargetEntry) => ({
    modelDefinitionId: toModelId(target.model),
    policy: target.policy,
    probe: target.probe,
  });
  return configV1.GatewayEndpoint.fromPartial({
    name: entry.name,
    description: entry.description,
    routingStrategy: entry.routingStrategy,
    modelMappings: [
      ...entry.primary.map((target) => ({ ...toMapping(target), linkageType: PRIMARY, weight: target.weight })),
      ...entry.fallback.map((target, index) => ({
        ...toMapping(target),
        linkageType: FALLBACK,
        fallbackOrder: index,
      })),
    ],
    fallbackConfig: entry.fallbackConfig,
    policy: entry.policy,
    rules: entry.rules,
    stickyKey: entry.stickyKey,
    tags: Object.entries(entry.tags).map(([key, value]) => ({ key, value })),
  });
}

/** A document's API key as it is stored: its hash alone. */
export function toApiKey(entry: configV1.KeyEntry): configV1.ApiKey {
  return configV1.ApiKey.fromPartial({
    name: entry.name,
    keyHash: hashApiKey(entry.value),
    endpoints: entry.endpoints,
    limits: entry.limits,
  });
}
