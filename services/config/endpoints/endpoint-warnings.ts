import { configV1 } from "#contracts";
import { type ModelDefinitionsById, mappingName, mappingWeight } from "./mapping-rules.ts";

type Mapping = configV1.GatewayEndpointModelMapping;

const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;

/** What the writer of an endpoint that is valid should know of; `prefix` is its path. */
export function endpointWarnings(
  endpoint: configV1.GatewayEndpoint,
  models: ModelDefinitionsById,
  prefix: string,
): configV1.Warning[] {
  return [
    ...endpoint.modelMappings.flatMap((mapping, index) =>
      weightWarnings(mapping, `${prefix}.model_mappings[${index}]`),
    ),
    ...endpointFitnessWarnings(endpoint, models, prefix),
  ];
}

/** Says where a FALLBACK can serve less than a PRIMARY whose requests it is to take over. */
export function endpointFitnessWarnings(
  { modelMappings }: configV1.GatewayEndpoint,
  models: ModelDefinitionsById,
  prefix: string,
): configV1.Warning[] {
  return modelMappings.flatMap((mapping, index) =>
    mapping.linkageType === FALLBACK
      ? fitnessWarnings(mapping, { mappings: modelMappings, models, path: `${prefix}.model_mappings[${index}]` })
      : [],
  );
}

function weightWarnings(mapping: Mapping, path: string): configV1.Warning[] {
  return mapping.linkageType === PRIMARY && mappingWeight(mapping) === 0
    ? [{ field: `${path}.weight`, message: "a weight of 0 is never drawn" }]
    : [];
}

interface Neighbours {
  readonly mappings: readonly Mapping[];
  readonly models: ModelDefinitionsById;
  readonly path: string;
}

function fitnessWarnings(mapping: Mapping, { mappings, models, path }: Neighbours): configV1.Warning[] {
  const fallback = models.get(mapping.modelDefinitionId ?? "");
  if (fallback === undefined) {
    return [];
  }
  return mappings.flatMap((primary) => {
    const model = models.get(primary.modelDefinitionId ?? "");
    if (primary.linkageType !== PRIMARY || model === undefined || model === fallback) {
      return [];
    }
    const name = mappingName(primary, models);
    const missing = lackedCapabilities(fallback, model);
    return [
      ...(isSmaller(fallback.contextWindow, model.contextWindow)
        ? [
            {
              field: path,
              message: `its context window of ${fallback.contextWindow} tokens is smaller than the ${model.contextWindow} of the PRIMARY ${name}`,
            },
          ]
        : []),
      ...(missing.length > 0
        ? [{ field: path, message: `it does not declare ${missing.join(", ")}, which the PRIMARY ${name} has` }]
        : []),
    ];
  });
}

function isSmaller(one: bigint | undefined, other: bigint | undefined): boolean {
  return one !== undefined && other !== undefined && one < other;
}

/** Capabilities that one model has and the other does not; nothing is known of a model that declares none. */
function lackedCapabilities(of: configV1.GatewayModelDefinition, than: configV1.GatewayModelDefinition): string[] {
  return of.capabilities.length === 0 ? [] : than.capabilities.filter((one) => !of.capabilities.includes(one));
}
