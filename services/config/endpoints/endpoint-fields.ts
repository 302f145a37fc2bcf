import { configV1 } from "#contracts";
import { differingFields, type Field } from "../field-table.ts";

type Endpoint = configV1.GatewayEndpoint;
type Mapping = configV1.GatewayEndpointModelMapping;

/** The fields of an endpoint that callers may set. */
export const endpointFields: readonly Field<Endpoint>[] = [
  { key: "name", path: "name", fileName: "name" },
  { key: "routingStrategy", path: "routing_strategy", fileName: "routing_strategy" },
  { key: "modelMappings", path: "model_mappings", fileName: "primary" },
  { key: "fallbackConfig", path: "fallback_config", fileName: "fallback_config" },
  { key: "tags", path: "tags", fileName: "tags" },
  { key: "experimentId", path: "experiment_id", fileName: "experiment_id" },
  { key: "usageTracking", path: "usage_tracking", fileName: "usage_tracking" },
  { key: "policy", path: "policy", fileName: "policy" },
  { key: "rules", path: "rules", fileName: "rules" },
  { key: "stickyKey", path: "sticky_key", fileName: "sticky_key" },
  { key: "description", path: "description", fileName: "description" },
];

/** What of an endpoint callers may set, in the form in which it is stored: `*_UNSPECIFIED` is unset, tags go by key. */
export function endpointContent(endpoint: Endpoint): Endpoint {
  return configV1.GatewayEndpoint.fromPartial({
    name: endpoint.name,
    routingStrategy: endpoint.routingStrategy || undefined,
    modelMappings: endpoint.modelMappings.map(mappingContent),
    fallbackConfig: endpoint.fallbackConfig && {
      strategy: endpoint.fallbackConfig.strategy || undefined,
      maxAttempts: endpoint.fallbackConfig.maxAttempts,
    },
    tags: endpoint.tags
      .map(({ key, value }) => ({ key: key ?? "", value: value ?? "" }))
      .sort((one, other) => Buffer.compare(Buffer.from(one.key), Buffer.from(other.key))),
    experimentId: endpoint.experimentId,
    usageTracking: endpoint.usageTracking,
    policy: endpoint.policy,
    rules: endpoint.rules,
    stickyKey: endpoint.stickyKey,
    description: endpoint.description,
  });
}

/** Fields in which two endpoints differ for their callers, by their names in the file: mappings as `primary` and `fallback`. */
export function endpointDifference(before: Endpoint, after: Endpoint): string[] {
  const [old, wanted] = [endpointContent(before), endpointContent(after)];
  const others = endpointFields.filter(({ key }) => key !== "modelMappings");
  const fields = differingFields(configV1.GatewayEndpoint, others, [old, wanted]);
  const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;
  const primaryDiffers = mappingsDiffer(old, wanted, PRIMARY);
  const fallbackDiffers = mappingsDiffer(old, wanted, FALLBACK);
  return [...(primaryDiffers ? ["primary"] : []), ...(fallbackDiffers ? ["fallback"] : []), ...fields];
}

/** What of a mapping callers may set; its weight as the 32 bits that are stored. */
function mappingContent(mapping: Mapping): Mapping {
  return configV1.GatewayEndpointModelMapping.fromPartial({
    modelDefinitionId: mapping.modelDefinitionId,
    linkageType: mapping.linkageType,
    weight: mapping.weight,
    fallbackOrder: mapping.fallbackOrder,
    policy: mapping.policy,
    name: mapping.name,
    probe: mapping.probe,
  });
}

function mappingsDiffer(before: Endpoint, after: Endpoint, linkageType: configV1.GatewayModelLinkageType): boolean {
  const [old, wanted] = [before, after].map((endpoint) =>
    configV1.GatewayEndpoint.encode(
      configV1.GatewayEndpoint.fromPartial({
        modelMappings: endpoint.modelMappings.filter((mapping) => mapping.linkageType === linkageType),
      }),
    ).finish(),
  );
  return !Buffer.from(old ?? []).equals(wanted ?? Buffer.of());
}
