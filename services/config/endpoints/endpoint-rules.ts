import { configV1 } from "#contracts";
import { enumViolations, rangeViolations, textViolations, writerViolations } from "../field-rules.ts";
import { policyViolations } from "../policies/policy-rules.ts";
import type { Violation } from "../violations.ts";
import { conditionViolations, keyViolations } from "./expression-rules.ts";
import { type ModelDefinitionsById, mappingName, mappingViolations, mappingWeight } from "./mapping-rules.ts";
import { repeatedEntries } from "./repeated-entries.ts";
import { tagListViolations } from "./tag-rules.ts";

type Endpoint = configV1.GatewayEndpoint;
type Mapping = configV1.GatewayEndpointModelMapping;

const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;

/**
 * What is wrong with an endpoint as it is to be stored; `prefix` is its path, e.g. `endpoint`. `models` must hold every
 * model definition that exists among those that the mappings name.
 */
export function endpointViolations(endpoint: Endpoint, models: ModelDefinitionsById, prefix: string): Violation[] {
  const { RoutingStrategy, FallbackStrategy } = configV1;
  return [
    ...nameViolations(endpoint.name, `${prefix}.name`),
    ...enumViolations(endpoint.routingStrategy, `${prefix}.routing_strategy`, { values: RoutingStrategy }),
    ...enumViolations(endpoint.fallbackConfig?.strategy, `${prefix}.fallback_config.strategy`, {
      values: FallbackStrategy,
    }),
    ...rangeViolations(endpoint.fallbackConfig?.maxAttempts, `${prefix}.fallback_config.max_attempts`, {
      least: 0,
      most: 2 ** 31 - 1,
    }),
    ...mappingListViolations(endpoint.modelMappings, models, `${prefix}.model_mappings`),
    ...policyViolations(endpoint.policy, `${prefix}.policy`, "endpoint"),
    ...ruleViolations(endpoint, models, `${prefix}.rules`),
    ...(endpoint.stickyKey === undefined ? [] : keyViolations(endpoint.stickyKey, `${prefix}.sticky_key`)),
    ...tagListViolations(endpoint.tags, `${prefix}.tags`),
    ...textViolations(endpoint.description, `${prefix}.description`, { maxLength: 5000, isRequired: false }),
    ...textViolations(endpoint.experimentId, `${prefix}.experiment_id`, { maxLength: 255, isRequired: false }),
    ...writerViolations(endpoint.createdBy, `${prefix}.created_by`),
    ...writerViolations(endpoint.lastUpdatedBy, `${prefix}.last_updated_by`),
  ];
}

const mostInOneEndpoint = 100;

function nameViolations(name: string | undefined, field: string): Violation[] {
  const violations = textViolations(name, field, { maxLength: 255 });
  return violations.length > 0 || /^[A-Za-z0-9_.-]+$/.test(name ?? "")
    ? violations
    : [{ field, description: "must consist of letters, digits, _, - and ." }];
}

function mappingListViolations(mappings: readonly Mapping[], models: ModelDefinitionsById, prefix: string) {
  if (mappings.length > mostInOneEndpoint) {
    return [{ field: prefix, description: `must have at most ${mostInOneEndpoint} entries, not ${mappings.length}` }];
  }
  const sameModel = repeatedEntries(mappings, (mapping) => `${mapping.linkageType} ${mapping.modelDefinitionId}`);
  const sameOrder = repeatedEntries(mappings, (mapping) =>
    mapping.linkageType === FALLBACK ? mapping.fallbackOrder?.toString() : undefined,
  );
  const sameName = repeatedEntries(mappings, (mapping) => {
    const name = mappingName(mapping, models);
    return name === "" ? undefined : `${mapping.linkageType} ${name}`;
  });
  return [
    ...mappings.flatMap((mapping, index) => mappingViolations(mapping, models, `${prefix}[${index}]`)),
    ...primaryViolations(mappings, prefix),
    ...sameModel.map((index) => ({
      field: `${prefix}[${index}].model_definition_id`,
      description: "must not be there twice with one linkage_type",
    })),
    ...sameOrder.map((index) => ({
      field: `${prefix}[${index}].fallback_order`,
      description: "must not be that of another FALLBACK mapping",
    })),
    // Two mappings to one model have one name too; that was said already.
    ...sameName
      .filter((index) => !sameModel.includes(index))
      .map((index) => ({
        field: `${prefix}[${index}].name`,
        description: "must not be that of another mapping with the same linkage_type",
      })),
  ];
}

function primaryViolations(mappings: readonly Mapping[], prefix: string): Violation[] {
  const primaries = mappings.filter((mapping) => mapping.linkageType === PRIMARY);
  if (primaries.length === 0) {
    return [{ field: prefix, description: "must have at least one PRIMARY mapping" }];
  }
  const isDrawable = primaries.some((mapping) => mappingWeight(mapping) !== 0);
  return isDrawable ? [] : [{ field: prefix, description: "the weights of the PRIMARY mappings must not sum to 0" }];
}

function ruleViolations(endpoint: Endpoint, models: ModelDefinitionsById, prefix: string): Violation[] {
  const names = new Set(endpoint.modelMappings.map((mapping) => mappingName(mapping, models)));
  if (endpoint.rules.length > mostInOneEndpoint) {
    return [{ field: prefix, description: `must have at most ${mostInOneEndpoint} entries` }];
  }
  return [
    ...endpoint.rules.flatMap((rule, index) => [
      ...textViolations(rule.name, `${prefix}[${index}].name`, { maxLength: 255 }),
      ...conditionViolations(rule.when, `${prefix}[${index}].when`),
      ...(rule.use.length === 0
        ? [{ field: `${prefix}[${index}].use`, description: "must name at least one mapping" }]
        : []),
      ...rule.use.flatMap((name, use) =>
        names.has(name)
          ? []
          : [
              {
                field: `${prefix}[${index}].use[${use}]`,
                description: `no mapping of the endpoint is named ${JSON.stringify(name)}`,
              },
            ],
      ),
    ]),
    ...repeatedEntries(endpoint.rules, (rule) => rule.name || undefined).map((index) => ({
      field: `${prefix}[${index}].name`,
      description: "must not be that of another rule",
    })),
  ];
}
