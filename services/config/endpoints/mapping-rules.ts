import { configV1 } from "#contracts";
import { rangeViolations, textViolations } from "../field-rules.ts";
import { policyViolations, probeViolations } from "../policies/policy-rules.ts";
import type { Violation } from "../violations.ts";

type Mapping = configV1.GatewayEndpointModelMapping;

/** Model definitions by id: at least all that an endpoint's mappings name and that exist. */
export type ModelDefinitionsById = ReadonlyMap<string, configV1.GatewayModelDefinition>;

/** The model definitions of an endpoint that was read from the store. */
export function modelDefinitionsOf(endpoint: configV1.GatewayEndpoint): ModelDefinitionsById {
  return new Map(
    endpoint.modelMappings.flatMap(({ modelDefinitionId, modelDefinition }) =>
      modelDefinitionId === undefined || modelDefinition === undefined ? [] : [[modelDefinitionId, modelDefinition]],
    ),
  );
}

/** What is wrong with one mapping by itself; `prefix` is its path, e.g. `endpoint.model_mappings[0]`. */
export function mappingViolations(mapping: Mapping, models: ModelDefinitionsById, prefix: string): Violation[] {
  return [
    ...modelViolations(mapping.modelDefinitionId, models, `${prefix}.model_definition_id`),
    ...linkageViolations(mapping.linkageType, `${prefix}.linkage_type`),
    ...weightViolations(mapping.weight, `${prefix}.weight`),
    ...rangeViolations(mapping.fallbackOrder, `${prefix}.fallback_order`, { least: 0, most: 2 ** 31 - 1 }),
    ...textViolations(mapping.name, `${prefix}.name`, { maxLength: 255, isRequired: mapping.name !== undefined }),
    ...policyViolations(mapping.policy, `${prefix}.policy`, "target"),
    ...probeViolations(mapping.probe, `${prefix}.probe`),
  ];
}

/** Name of a mapping, by which rules call it: its own, or that of its model definition. */
export function mappingName(mapping: Mapping, models: ModelDefinitionsById): string {
  return mapping.name ?? models.get(mapping.modelDefinitionId ?? "")?.name ?? "";
}

/** The weight with which a mapping draws, as the 32-bit float that is stored. */
export function mappingWeight(mapping: Mapping): number {
  return mapping.weight === undefined ? 1 : Math.fround(mapping.weight);
}

function modelViolations(id: string | undefined, models: ModelDefinitionsById, field: string): Violation[] {
  if (id === undefined || id === "") {
    return [{ field, description: "must be set" }];
  }
  return models.has(id) ? [] : [{ field, description: `no model definition has the id ${JSON.stringify(id)}` }];
}

function linkageViolations(linkageType: Mapping["linkageType"], field: string): Violation[] {
  const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;
  return linkageType === PRIMARY || linkageType === FALLBACK
    ? []
    : [{ field, description: "must be PRIMARY or FALLBACK" }];
}

function weightViolations(weight: number | undefined, field: string): Violation[] {
  if (weight === undefined || (Number.isFinite(Math.fround(weight)) && weight >= 0)) {
    return [];
  }
  return [{ field, description: `must be a number that is not negative and fits a float of 32 bits, not ${weight}` }];
}
