import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configV1 } from "#contracts";
import {
  failureOf,
  messageOf,
  openTestConfigService,
  type PartsOf,
  type TestConfigService,
  violationsOf,
} from "../../../test/harness/test-config-service.ts";

const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;
const { REQUEST_BASED_TRAFFIC_SPLIT } = configV1.RoutingStrategy;

let config: TestConfigService;
let primaryId: string;
let fallbackId: string;

beforeAll(async () => {
  config = await openTestConfigService();
  [primaryId, fallbackId] = [await createModel("primary-model"), await createModel("fallback-model")];
});
afterAll(() => config?.close());

async function createModel(name: string, parts: PartsOf<configV1.GatewayModelDefinition> = {}): Promise<string> {
  const { modelDefinition } = await config.client.createModelDefinition(
    messageOf(configV1.CreateModelDefinitionRequest, {
      modelDefinition: { name, provider: "echo", modelName: "echo-1", ...parts },
    }),
  );
  return modelDefinition?.modelDefinitionId ?? "";
}

type EndpointParts = PartsOf<configV1.GatewayEndpoint>;

function create(name: string, parts: EndpointParts = {}, requestId = "") {
  return config.client.createEndpoint(
    messageOf(configV1.CreateEndpointRequest, {
      endpoint: { name, modelMappings: [{ modelDefinitionId: primaryId, linkageType: PRIMARY }], ...parts },
      requestId,
    }),
  );
}

async function created(name: string, parts: EndpointParts = {}): Promise<configV1.GatewayEndpoint> {
  const { endpoint } = await create(name, parts);
  return endpoint ?? messageOf(configV1.GatewayEndpoint, {});
}

function update(endpoint: EndpointParts, updateMask?: string[]) {
  return config.client.updateEndpoint(messageOf(configV1.UpdateEndpointRequest, { endpoint, updateMask }));
}

const bothMappings = (): PartsOf<configV1.GatewayEndpointModelMapping>[] => [
  { modelDefinitionId: primaryId, linkageType: PRIMARY, weight: 0.9 },
  { modelDefinitionId: fallbackId, linkageType: FALLBACK, policy: { timeouts: { connectMs: 50 } } },
];

const fallbackMapping = () => ({ modelDefinitionId: fallbackId, linkageType: PRIMARY });

test("keeps every field, with mappings, their model definitions and tags", async () => {
  const parts: EndpointParts = {
    routingStrategy: REQUEST_BASED_TRAFFIC_SPLIT,
    fallbackConfig: { maxAttempts: 1 },
    tags: [
      { key: "team", value: "search" },
      { key: "cost", value: "" },
    ],
    experimentId: "7",
    usageTracking: false,
    policy: { maxTotalAttempts: 3, redraw: false, streamMode: configV1.StreamMode.COMPLETE },
    stickyKey: 'request.headers["x-session-id"]',
    description: "for people",
    rules: [{ name: "long", when: "request.estimated_input_tokens > 100000", use: ["fallback-model"] }],
    createdBy: "ann",
  };
  const endpoint = await created("whole", { ...parts, modelMappings: bothMappings() });
  expect(endpoint).toMatchObject({
    ...parts,
    endpointId: expect.stringMatching(/^e-[0-9a-f]{32}$/),
    tags: [
      { key: "cost", value: "" },
      { key: "team", value: "search" },
    ],
    lastUpdatedBy: "ann",
    source: "api",
  });
  expect(endpoint.modelMappings).toMatchObject([
    {
      mappingId: expect.stringMatching(/^m-[0-9a-f]{32}$/),
      endpointId: endpoint.endpointId,
      modelDefinitionId: primaryId,
      modelDefinition: { name: "primary-model", provider: "echo" },
      linkageType: PRIMARY,
      fallbackOrder: undefined,
      createdBy: "ann",
    },
    {
      modelDefinitionId: fallbackId,
      linkageType: FALLBACK,
      weight: undefined,
      policy: { timeouts: { connectMs: 50 } },
    },
  ]);
  const { endpoint: read } = await config.client.getEndpoint({ endpointId: endpoint.endpointId ?? "", name: "" });
  expect(read).toEqual(endpoint);
});

test("prints a weight as the shortest number that makes the same 32-bit float", async () => {
  const onTheWire = Math.fround(0.9);
  const endpoint = await created("weighed", {
    modelMappings: [{ modelDefinitionId: primaryId, linkageType: PRIMARY, weight: onTheWire }],
  });
  expect(onTheWire).not.toBe(0.9);
  expect(endpoint.modelMappings[0]?.weight).toBe(0.9);
  const { endpoint: same } = await update({ endpointId: endpoint.endpointId, modelMappings: endpoint.modelMappings });
  expect(same?.revision).toBe(endpoint.revision);
});

test("refuses a weight that no 32-bit float holds, and keeps one below every float as 0", async () => {
  const weighed = (weight: number) => ({ modelMappings: [...bothMappings(), { ...fallbackMapping(), weight }] });
  for (const requestId of ["", "too-heavy"]) {
    expect(await violationsOf(create("too-heavy", weighed(1e39), requestId))).toEqual({
      "endpoint.model_mappings[2].weight": expect.stringContaining("fits a float of 32 bits"),
    });
  }
  expect((await created("light", weighed(1e-60))).modelMappings[2]?.weight).toBe(0);
});

test("reads *_UNSPECIFIED as unset", async () => {
  const endpoint = await created("unspecified", { routingStrategy: 0, fallbackConfig: { strategy: 0 } });
  expect(endpoint.routingStrategy).toBeUndefined();
  expect(endpoint.fallbackConfig).toEqual({ strategy: undefined, maxAttempts: undefined });
});

test("refuses a model definition that does not exist, naming its place", async () => {
  const missing = [...bothMappings(), { modelDefinitionId: "d-nope", linkageType: FALLBACK }];
  expect(await failureOf(create("missing", { modelMappings: missing }))).toMatchObject({
    code: "NOT_FOUND",
    metadata: {
      resource_type: "model",
      resource_name: "d-nope",
      field: "endpoint.model_mappings[2].model_definition_id",
    },
  });
});

test("refuses a name that is taken", async () => {
  await created("taken");
  expect(await failureOf(create("taken"))).toMatchObject({
    code: "ALREADY_EXISTS",
    reason: "RESOURCE_ALREADY_EXISTS",
    message: 'endpoint "taken" already exists',
    metadata: { resource_type: "endpoint", resource_name: "taken" },
  });
});

test("refuses a name that is taken at the same time", async () => {
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => create("raced")));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
});

test("answers a repeated create by its request_id", async () => {
  const outcomes = await Promise.all([1, 2, 3].map(() => create("repeated", {}, "e-1")));
  expect(new Set(outcomes.map(({ endpoint }) => endpoint?.endpointId)).size).toBe(1);
  expect(Object.keys(await violationsOf(create("other", {}, "e-1")))).toEqual(["request_id"]);
});

describe("update", () => {
  test("changes what is set when there is no mask, and keeps fallback_config when mappings are replaced", async () => {
    const endpoint = await created("partly", { modelMappings: bothMappings(), fallbackConfig: { maxAttempts: 1 } });
    const { endpoint: written } = await update({
      endpointId: endpoint.endpointId,
      modelMappings: [...bothMappings(), { modelDefinitionId: primaryId, linkageType: FALLBACK }],
    });
    expect(written?.fallbackConfig?.maxAttempts).toBe(1);
    expect(written?.modelMappings).toHaveLength(3);
    const ids = (of: configV1.GatewayEndpoint | undefined) => of?.modelMappings.map(({ mappingId }) => mappingId);
    expect(ids(written)?.slice(0, 2)).toEqual(ids(endpoint));
  });

  test("clears what the mask names and is not set", async () => {
    const endpoint = await created("cleared", {
      description: "d",
      tags: [{ key: "a", value: "b" }],
      policy: { redraw: true },
      fallbackConfig: { maxAttempts: 1 },
    });
    const { endpoint: written } = await update({ endpointId: endpoint.endpointId, name: "ignored" }, [
      "description",
      "tags",
      "policy",
    ]);
    expect(written).toMatchObject({
      name: "cleared",
      description: undefined,
      tags: [],
      policy: undefined,
      fallbackConfig: { maxAttempts: 1 },
    });
    const emptied = update({ endpointId: endpoint.endpointId }, ["model_mappings"]);
    expect(await violationsOf(emptied)).toEqual({
      "endpoint.model_mappings": "must have at least one PRIMARY mapping",
    });
  });

  test("records primary and fallback apart", async () => {
    const endpoint = await created("recorded", { modelMappings: bothMappings() });
    const [first, second] = bothMappings();
    await update({
      endpointId: endpoint.endpointId,
      modelMappings: [first ?? {}, { ...second, fallbackOrder: 3 }],
    });
    const { revisions } = await config.client.listRevisions({ pageSize: 1, pageToken: "" });
    expect(revisions[0]?.changes).toMatchObject([{ resourceType: "endpoint", name: "recorded", fields: ["fallback"] }]);
  });

  test("renames, unless the new name is taken", async () => {
    const endpoint = await created("old-name");
    await created("other-name");
    const { endpointId } = endpoint;
    expect((await failureOf(update({ endpointId, name: "other-name" }))).code).toBe("ALREADY_EXISTS");
    expect((await update({ endpointId, name: "new-name" })).endpoint?.name).toBe("new-name");
    expect((await failureOf(config.client.getEndpoint({ endpointId: "", name: "old-name" }))).code).toBe("NOT_FOUND");
  });

  test("refuses an etag that is not the present one", async () => {
    const endpoint = await created("tagged");
    const { endpointId, etag } = endpoint;
    await update({ endpointId, etag, description: "first" });
    expect(await failureOf(update({ endpointId, etag, description: "second" }))).toMatchObject({
      code: "ABORTED",
      reason: "ETAG_MISMATCH",
      metadata: { resource_type: "endpoint", resource_name: "tagged" },
    });
  });
});

test("warns about a weight that is never drawn, and of nothing that is acted on", async () => {
  const { warnings } = await create("warned", {
    modelMappings: [
      { modelDefinitionId: primaryId, linkageType: PRIMARY, weight: 1 },
      { modelDefinitionId: fallbackId, linkageType: PRIMARY, weight: 0, probe: { path: "/", intervalMs: 100 } },
    ],
    policy: { hedgeAfterMs: 5, redraw: true, echoEndpointName: true },
    rules: [{ name: "r", when: "true", use: ["primary-model"] }],
    stickyKey: "caller.name",
  });
  expect(warnings.map(({ field }) => field)).toEqual(["endpoint.model_mappings[1].weight"]);
});

test("lists by provider and by secret, in pages, whole", async () => {
  const { secret } = await config.client.createSecret(
    messageOf(configV1.CreateSecretRequest, { secret: { secretName: "listed", provider: "groq" } }),
  );
  const secretId = secret?.secretId ?? "";
  const modelDefinitionId = await createModel("listed-model", { provider: "groq", secretId });
  const modelMappings = [{ modelDefinitionId, linkageType: PRIMARY }];
  for (const name of ["listed-c", "listed-a", "listed-b"]) {
    await create(name, { modelMappings });
  }
  const list = (parts: PartsOf<configV1.ListEndpointsRequest>) =>
    config.client.listEndpoints(messageOf(configV1.ListEndpointsRequest, parts));
  const first = await list({ provider: "groq", pageSize: 2 });
  expect(first.endpoints.map(({ name }) => name)).toEqual(["listed-a", "listed-b"]);
  expect(first.endpoints[0]?.modelMappings[0]?.modelDefinition?.secretName).toBe("listed");
  const second = await list({ provider: "groq", pageSize: 2, pageToken: first.nextPageToken });
  expect(second).toMatchObject({ endpoints: [{ name: "listed-c" }], nextPageToken: "" });
  expect((await list({ secretId })).endpoints).toHaveLength(3);
  expect((await list({ secretId: "s-none" })).endpoints).toEqual([]);
});

test("deletes an endpoint with what belongs to it, unless an API key names it", async () => {
  const { client } = config;
  await client.applyConfig(
    messageOf(configV1.ApplyConfigRequest, {
      source: "file:kept",
      document: {
        version: 1,
        models: [{ name: "kept-model", provider: "echo", model: "e" }],
        endpoints: [{ name: "kept", primary: [{ model: "kept-model" }] }],
        keys: [{ name: "app", value: "sw-0123456789abcdef", endpoints: ["kept"] }],
      },
    }),
  );
  const { endpoint } = await client.getEndpoint({ endpointId: "", name: "kept" });
  const endpointId = endpoint?.endpointId ?? "";
  expect(await failureOf(client.deleteEndpoint({ endpointId, etag: "" }))).toMatchObject({
    code: "FAILED_PRECONDITION",
    metadata: { resource_name: "kept", used_by: "key app" },
  });
  const owned = await update({ endpointId, description: "by hand" });
  expect(owned.warnings).toEqual([
    { field: "endpoint", message: "belongs to file:kept: the next apply of it overwrites this change" },
  ]);
  expect(owned.endpoint?.source).toBe("file:kept");
  const doomed = await created("doomed", { tags: [{ key: "a", value: "b" }] });
  await client.deleteEndpoint({ endpointId: doomed.endpointId ?? "", etag: doomed.etag ?? "" });
  expect((await failureOf(client.getEndpoint({ endpointId: "", name: "doomed" }))).code).toBe("NOT_FOUND");
});

test("keeps what a newer version wrote into a field, until that field is changed", async () => {
  const endpoint = await created("newer", { policy: { redraw: true }, modelMappings: bothMappings() });
  const { endpointId } = endpoint;
  const database = new pg.Client({ connectionString: config.databaseUrl });
  await database.connect();
  // Field 5000, a varint, which nothing here knows.
  await database.query("update endpoints set policy = policy || '\\xc0b80207'::bytea where endpoint_id = $1", [
    endpointId,
  ]);
  const stored = async () => {
    const { rows } = await database.query("select policy from endpoints where endpoint_id = $1", [endpointId]);
    return (rows[0].policy as Buffer).toString("hex");
  };
  await update({ endpointId, description: "changed" });
  expect(await stored()).toMatch(/c0b80207$/);
  await update({ endpointId, policy: { redraw: false } });
  expect(await stored()).not.toMatch(/c0b80207/);
  await database.end();
});

test("keeps an error small, however much is wrong", async () => {
  const modelMappings = Array.from({ length: 100 }, () => ({
    modelDefinitionId: primaryId,
    linkageType: PRIMARY,
    weight: -1,
    name: "x".repeat(10_000),
  }));
  const error = await failureOf(create("y".repeat(100_000), { modelMappings }));
  expect(error.message).toMatch(/and \d+ more fields are wrong/);
  expect(error.message.length).toBeLessThan(6000);
  const use = ["z".repeat(10_000)];
  const rules = Array.from({ length: 50 }, (_, index) => ({ name: `r${index}`, when: "true", use }));
  const told = Object.values(await violationsOf(create("wordy", { rules })));
  expect(told.join("").length).toBeLessThan(5000);
  expect(told.at(-1)).toMatch(new RegExp(`\\(and ${50 - told.length} more fields are wrong\\)$`));
  const missing = await failureOf(config.client.getEndpoint({ endpointId: "z".repeat(100_000), name: "" }));
  expect(missing.message.length).toBeLessThan(400);
});
