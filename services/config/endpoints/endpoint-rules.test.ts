import { describe, expect, test } from "vitest";
import { configV1 } from "#contracts";
import { messageOf, type PartsOf } from "../../../test/harness/test-config-service.ts";
import { endpointViolations } from "./endpoint-rules.ts";
import { endpointWarnings } from "./endpoint-warnings.ts";

const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;
// Decoders hand on a number that they do not know.
const unknownEnum = 77 as never;

type ModelParts = PartsOf<configV1.GatewayModelDefinition>;
type MappingParts = PartsOf<configV1.GatewayEndpointModelMapping>;
type EndpointParts = PartsOf<configV1.GatewayEndpoint>;

function modelsOf(...models: ModelParts[]) {
  return new Map(
    models.map((parts, index) => [
      `d-${index}`,
      messageOf(configV1.GatewayModelDefinition, { name: `model-${index}`, ...parts }),
    ]),
  );
}

const twoModels = modelsOf({}, {});
const primary = (parts: MappingParts = {}): MappingParts => ({
  modelDefinitionId: "d-0",
  linkageType: PRIMARY,
  ...parts,
});
const fallback = (parts: MappingParts = {}): MappingParts => ({
  modelDefinitionId: "d-1",
  linkageType: FALLBACK,
  ...parts,
});

function fieldsRefused(parts: EndpointParts): string[] {
  const endpoint = messageOf(configV1.GatewayEndpoint, { name: "chat", modelMappings: [primary()], ...parts });
  return endpointViolations(endpoint, twoModels, "e").map(({ field }) => field);
}

test("accepts what MLflow accepts and can serve", () => {
  expect(fieldsRefused({})).toEqual([]);
  expect(fieldsRefused({ fallbackConfig: { maxAttempts: 0 }, routingStrategy: 0 })).toEqual([]);
  expect(fieldsRefused({ modelMappings: [primary(), primary({ linkageType: FALLBACK }), fallback()] })).toEqual([]);
  expect(fieldsRefused({ modelMappings: [primary({ weight: 0 }), fallback({ linkageType: PRIMARY })] })).toEqual([]);
  expect(fieldsRefused({ name: "Az09_-." })).toEqual([]);
});

describe("refuses, naming the field", () => {
  const cases: readonly (readonly [string, EndpointParts, string[]])[] = [
    ["no name", { name: "" }, ["e.name"]],
    ["a name with a space", { name: "bad name" }, ["e.name"]],
    ["a name with a line end", { name: "chat\n" }, ["e.name"]],
    ["a name that is too long", { name: "x".repeat(256) }, ["e.name"]],
    ["no mapping", { modelMappings: [] }, ["e.model_mappings"]],
    ["no PRIMARY", { modelMappings: [fallback()] }, ["e.model_mappings"]],
    ["weights that sum to 0", { modelMappings: [primary({ weight: 0 })] }, ["e.model_mappings"]],
    ["a weight below every float", { modelMappings: [primary({ weight: 1e-60 })] }, ["e.model_mappings"]],
    ["a negative weight", { modelMappings: [primary({ weight: -0.5 })] }, ["e.model_mappings[0].weight"]],
    [
      "a weight that is no number",
      { modelMappings: [primary({ weight: Number.NaN })] },
      ["e.model_mappings[0].weight"],
    ],
    ["an infinite weight", { modelMappings: [primary({ weight: 1e300 })] }, ["e.model_mappings[0].weight"]],
    [
      "no linkage_type",
      { modelMappings: [primary(), fallback({ linkageType: undefined })] },
      ["e.model_mappings[1].linkage_type"],
    ],
    [
      "an unknown linkage_type",
      { modelMappings: [primary(), fallback({ linkageType: unknownEnum })] },
      ["e.model_mappings[1].linkage_type"],
    ],
    ["an unknown strategy", { routingStrategy: unknownEnum }, ["e.routing_strategy"]],
    ["an unknown fallback strategy", { fallbackConfig: { strategy: unknownEnum } }, ["e.fallback_config.strategy"]],
    ["negative max_attempts", { fallbackConfig: { maxAttempts: -5 } }, ["e.fallback_config.max_attempts"]],
    [
      "a model twice in one part",
      { modelMappings: [primary(), primary({ weight: 2 })] },
      ["e.model_mappings[1].model_definition_id"],
    ],
    [
      "a fallback_order twice",
      {
        modelMappings: [
          primary(),
          fallback({ fallbackOrder: 1 }),
          fallback({ modelDefinitionId: "d-0", fallbackOrder: 1 }),
        ],
      },
      ["e.model_mappings[2].fallback_order"],
    ],
    [
      "a mapping name twice in one part",
      { modelMappings: [primary({ name: "n" }), fallback({ linkageType: PRIMARY, name: "n" })] },
      ["e.model_mappings[1].name"],
    ],
    [
      "a mapping name that is another one's model",
      { modelMappings: [primary(), fallback({ linkageType: PRIMARY, name: "model-0" })] },
      ["e.model_mappings[1].name"],
    ],
    [
      "a model that does not exist",
      { modelMappings: [primary({ modelDefinitionId: "d-9" })] },
      ["e.model_mappings[0].model_definition_id"],
    ],
    [
      "an endpoint's policy on a mapping",
      { modelMappings: [primary({ policy: { maxTotalAttempts: 2, timeouts: { deadlineMs: 1 } } })] },
      ["e.model_mappings[0].policy.timeouts.deadline_ms", "e.model_mappings[0].policy.max_total_attempts"],
    ],
    ["a rule without a name", { rules: [{ name: "", when: "true", use: ["model-0"] }] }, ["e.rules[0].name"]],
    ["a rule without a condition", { rules: [{ name: "r", when: "", use: ["model-0"] }] }, ["e.rules[0].when"]],
    ["a rule without a mapping", { rules: [{ name: "r", when: "true", use: [] }] }, ["e.rules[0].use"]],
    ["a rule with an unknown mapping", { rules: [{ name: "r", when: "true", use: ["x"] }] }, ["e.rules[0].use[0]"]],
    [
      "two rules of one name",
      {
        rules: [
          { name: "r", when: "true", use: ["model-0"] },
          { name: "r", when: "false", use: ["model-0"] },
        ],
      },
      ["e.rules[1].name"],
    ],
    ["an empty sticky_key", { stickyKey: "" }, ["e.sticky_key"]],
    ["a sticky_key that is too long", { stickyKey: "x".repeat(4097) }, ["e.sticky_key"]],
    [
      "a tag twice",
      {
        tags: [
          { key: "k", value: "1" },
          { key: "k", value: "2" },
        ],
      },
      ["e.tags[1].key"],
    ],
    ["too many mappings", { modelMappings: Array.from({ length: 101 }, () => primary()) }, ["e.model_mappings"]],
    [
      "too many rules",
      { rules: Array.from({ length: 101 }, (_, index) => ({ name: `r${index}`, when: "true", use: ["model-0"] })) },
      ["e.rules"],
    ],
    ["a NUL in a description", { description: "a\u0000b" }, ["e.description"]],
    ["too many tags", { tags: Array.from({ length: 101 }, (_, key) => ({ key: `${key}`, value: "" })) }, ["e.tags"]],
  ];
  test.each(cases)("%s", (_, parts, fields) => {
    expect(fieldsRefused(parts)).toEqual(fields);
  });
});

describe("warns", () => {
  const warningsOf = (models: ReturnType<typeof modelsOf>, modelMappings: MappingParts[]) =>
    endpointWarnings(messageOf(configV1.GatewayEndpoint, { modelMappings }), models, "e");

  test("of a fallback with a smaller context window or without a capability", () => {
    const models = modelsOf(
      { contextWindow: 128_000n, capabilities: ["tools", "vision"] },
      { contextWindow: 8000n, capabilities: ["vision"] },
    );
    expect(warningsOf(models, [primary(), fallback()])).toEqual([
      {
        field: "e.model_mappings[1]",
        message: "its context window of 8000 tokens is smaller than the 128000 of the PRIMARY model-0",
      },
      { field: "e.model_mappings[1]", message: "it does not declare tools, which the PRIMARY model-0 has" },
    ]);
  });

  test("not where nothing is declared, nor of a model that falls back to itself", () => {
    const models = modelsOf({ contextWindow: 128_000n, capabilities: ["tools"] }, {});
    expect(warningsOf(models, [primary(), fallback(), primary({ linkageType: FALLBACK })])).toEqual([]);
  });

  test("of a PRIMARY that is never drawn", () => {
    const mappings = [primary({ weight: 0 }), fallback({ linkageType: PRIMARY }), fallback({ weight: 0 })];
    expect(warningsOf(twoModels, mappings)).toEqual([
      { field: "e.model_mappings[0].weight", message: "a weight of 0 is never drawn" },
    ]);
  });
});
