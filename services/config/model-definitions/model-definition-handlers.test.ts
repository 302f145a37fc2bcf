import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configV1 } from "#contracts";
import { listProviders } from "#providers";
import { createInProcessClient } from "#rpc";
import {
  failureOf,
  messageOf,
  openTestConfigService,
  type PartsOf,
  type TestConfigService,
  violationsOf,
} from "../../../test/harness/test-config-service.ts";

const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;

let config: TestConfigService;

beforeAll(async () => {
  config = await openTestConfigService();
});
afterAll(() => config?.close());

type ModelParts = PartsOf<configV1.GatewayModelDefinition>;

async function create(name: string, parts: ModelParts = {}, requestId = "") {
  return await config.client.createModelDefinition(
    messageOf(configV1.CreateModelDefinitionRequest, {
      modelDefinition: { name, provider: "echo", modelName: "echo-1", ...parts },
      requestId,
    }),
  );
}

async function createId(name: string, parts: ModelParts = {}): Promise<string> {
  return (await create(name, parts)).modelDefinition?.modelDefinitionId ?? "";
}

async function createSecretId(name: string, provider = "openai", authConfig = {}): Promise<string> {
  const { secret } = await config.client.createSecret(
    messageOf(configV1.CreateSecretRequest, {
      secret: { secretName: name, provider, authConfig },
      secretValue: { api_key: "k" },
    }),
  );
  return secret?.secretId ?? "";
}

function update(modelDefinition: ModelParts, updateMask?: string[]) {
  return config.client.updateModelDefinition(
    messageOf(configV1.UpdateModelDefinitionRequest, { modelDefinition, updateMask }),
  );
}

const whole: ModelParts = {
  provider: "openai-compatible",
  modelName: "llama",
  baseUrl: "http://127.0.0.1:8001/v1",
  contextWindow: 128_000n,
  maxOutputTokens: 4096n,
  capabilities: ["tools", "vision"],
  price: { input: 2.5, output: 10 },
  policy: { timeouts: { connectMs: 100 }, retries: { max: 0 } },
  propagateTraceContext: true,
};

test("keeps every field, unset ones unset", async () => {
  const { modelDefinition } = await create("whole", whole);
  expect(modelDefinition).toMatchObject({
    ...whole,
    modelDefinitionId: expect.stringMatching(/^d-[0-9a-f]{32}$/),
    name: "whole",
    secretId: undefined,
    probe: undefined,
    source: "api",
  });
  const { modelDefinition: read } = await config.client.getModelDefinition({ modelDefinitionId: "", name: "whole" });
  expect(read).toEqual(modelDefinition);
});

test("gets by exactly one of id and name", async () => {
  const both = config.client.getModelDefinition({ modelDefinitionId: "d-1", name: "x" });
  expect(Object.keys(await violationsOf(both))).toEqual(["model_definition_id", "name"]);
  const none = config.client.getModelDefinition({ modelDefinitionId: "", name: "" });
  expect(Object.keys(await violationsOf(none))).toEqual(["model_definition_id", "name"]);
});

test("names the id that an update or a delete leaves out", async () => {
  expect(await violationsOf(update({ name: "left-out" }))).toEqual({
    "model_definition.model_definition_id": "must be set",
  });
  const deletion = config.client.deleteModelDefinition({ modelDefinitionId: "", etag: "" });
  expect(await violationsOf(deletion)).toEqual({ model_definition_id: "must be set" });
});

test("refuses a name that is taken, and says nothing of SQL", async () => {
  await create("taken");
  const error = await failureOf(create("taken"));
  expect(error).toMatchObject({
    code: "ALREADY_EXISTS",
    reason: "RESOURCE_ALREADY_EXISTS",
    message: 'model "taken" already exists',
    metadata: { resource_type: "model", resource_name: "taken" },
  });
});

test("refuses a secret that does not exist, naming the field", async () => {
  expect(await failureOf(create("lost", { secretId: "s-nope" }))).toMatchObject({
    code: "NOT_FOUND",
    reason: "RESOURCE_NOT_FOUND",
    metadata: { resource_type: "secret", resource_name: "s-nope", field: "model_definition.secret_id" },
  });
});

test("names every field that is wrong", async () => {
  const refused = await violationsOf(
    create("", {
      provider: "",
      modelName: "",
      baseUrl: "http://user:password@host/v1",
      contextWindow: 0n,
      capabilities: ["tools", "teleport", "tools"],
      price: { input: -1, output: Number.NaN },
      policy: { timeouts: { deadlineMs: 5 }, redraw: true },
      probe: { path: "health", intervalMs: 10 },
    }),
  );
  expect(Object.keys(refused)).toEqual([
    "model_definition.name",
    "model_definition.provider",
    "model_definition.model_name",
    "model_definition.base_url",
    "model_definition.context_window",
    "model_definition.capabilities[1]",
    "model_definition.capabilities[2]",
    "model_definition.price.input",
    "model_definition.price.output",
    "model_definition.policy.timeouts.deadline_ms",
    "model_definition.policy.redraw",
    "model_definition.probe.path",
    "model_definition.probe.interval_ms",
  ]);
});

describe("refuses what could not be called:", () => {
  test("a provider that does not exist, naming the nearest and all that do", async () => {
    const refused = await violationsOf(create("misspelt", { provider: "open-ai" }));
    const known = listProviders().map(({ id }) => id);
    expect(refused).toEqual({
      "model_definition.provider": `there is no provider "open-ai"; did you mean "openai"? (known: ${known.join(", ")})`,
    });
  });

  test("a model that its provider does not know, in the provider's words", async () => {
    expect(await violationsOf(create("no-fault", { provider: "fault", modelName: "status-200" }))).toEqual({
      "model_definition.model_name": expect.stringMatching(
        /^the provider "fault" knows no "status-200"; it knows .*ms$/,
      ),
    });
  });

  test("a provider without an address of its own, where neither the model nor its secret has one", async () => {
    const homeless = { provider: "vllm", modelName: "llama" };
    const refused = await violationsOf(create("homeless", homeless));
    expect(Object.keys(refused)).toEqual(["model_definition.base_url"]);
    const secretId = await createSecretId("bare", "vllm");
    expect(Object.keys(await violationsOf(create("homeless", { ...homeless, secretId })))).toEqual(
      Object.keys(refused),
    );
    const addressed = await createSecretId("addressed", "vllm", { api_base: "https://vllm.test" });
    const modelDefinitionId = await createId("housed", { ...homeless, secretId: addressed });
    const moved = violationsOf(update({ modelDefinitionId, secretId }));
    expect(Object.keys(await moved)).toEqual(["model_definition.base_url"]);
  });

  test("a private address, unless the deployment allows them", async () => {
    const service = await config.openAnother({ allowPrivateUpstreams: false });
    const client = createInProcessClient(configV1.ConfigServiceDefinition, service.implementation);
    const modelDefinition = { name: "private", ...whole, baseUrl: "http://169.254.169.254/v1" };
    const request = messageOf(configV1.CreateModelDefinitionRequest, { modelDefinition });
    expect(Object.keys(await violationsOf(client.createModelDefinition(request)))).toEqual([
      "model_definition.base_url",
    ]);
    const secret = { secretName: "private", provider: "vllm", authConfig: { api_base: "http://[::1]:80/v1" } };
    const refused = client.createSecret(messageOf(configV1.CreateSecretRequest, { secret }));
    expect(Object.keys(await violationsOf(refused))).toEqual(["secret.auth_config.api_base"]);
    expect((await config.client.createModelDefinition(request)).modelDefinition?.name).toBe("private");
  });
});

describe("update", () => {
  test("changes what is set when there is no mask", async () => {
    const modelDefinitionId = await createId("partly", whole);
    const { modelDefinition } = await update({ modelDefinitionId, modelName: "llama-2", lastUpdatedBy: "bob" });
    expect(modelDefinition).toMatchObject({ ...whole, name: "partly", modelName: "llama-2", lastUpdatedBy: "bob" });
  });

  test("clears what the mask names and is not set", async () => {
    const modelDefinitionId = await createId("cleared", whole);
    const { modelDefinition } = await update({ modelDefinitionId, modelName: "ignored" }, [
      "price",
      "capabilities",
      "policy",
      "context_window",
    ]);
    expect(modelDefinition).toMatchObject({
      modelName: "llama",
      price: undefined,
      capabilities: [],
      policy: undefined,
      contextWindow: undefined,
      maxOutputTokens: 4096n,
    });
  });

  test("refuses a mask with fields that nobody may set", async () => {
    const modelDefinitionId = await createId("masked");
    const refused = await violationsOf(update({ modelDefinitionId }, ["created_at", "name"]));
    expect(refused.update_mask).toMatch(/^"created_at" is not one of name, secret_id/);
    expect(Object.keys(await violationsOf(update({ modelDefinitionId }, ["name"])))).toEqual(["model_definition.name"]);
  });

  test("records the fields that differ, by their names in the file, and makes no revision when none does", async () => {
    const modelDefinitionId = await createId("recorded", whole);
    const { modelDefinition } = await update({ modelDefinitionId, ...whole, modelName: "other", price: whole.price });
    const { revisions } = await config.client.listRevisions({ pageSize: 1, pageToken: "" });
    expect(revisions[0]).toMatchObject({
      revision: modelDefinition?.revision,
      source: "api",
      changes: [{ kind: configV1.ChangeKind.UPDATED, resourceType: "model", name: "recorded", fields: ["model"] }],
    });
    const { modelDefinition: same } = await update({ modelDefinitionId, modelName: "other" });
    expect(same?.revision).toBe(modelDefinition?.revision);
    expect(same?.etag).toBe(modelDefinition?.etag);
  });

  test("refuses an etag that is not the present one", async () => {
    const modelDefinitionId = await createId("tagged");
    expect(await failureOf(update({ modelDefinitionId, etag: "r0", modelName: "x" }))).toMatchObject({
      code: "ABORTED",
      reason: "ETAG_MISMATCH",
    });
  });

  test("refuses a new name while a rule of an endpoint calls the model by the old one", async () => {
    const modelDefinitionId = await createId("ruled");
    await config.client.createEndpoint(
      messageOf(configV1.CreateEndpointRequest, {
        endpoint: {
          name: "ruling",
          modelMappings: [{ modelDefinitionId, linkageType: PRIMARY }],
          rules: [{ name: "r", when: "true", use: ["ruled"] }],
        },
      }),
    );
    expect(await failureOf(update({ modelDefinitionId, name: "renamed" }))).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "RESOURCE_IN_USE",
      metadata: { resource_name: "ruled", used_by: "endpoint ruling" },
    });
    const { modelDefinition } = await config.client.getModelDefinition({ modelDefinitionId, name: "" });
    expect(modelDefinition?.name).toBe("ruled");
  });

  test("warns when a FALLBACK gets smaller than the PRIMARY of an endpoint", async () => {
    const primary = await createId("roomy", { contextWindow: 1000n });
    const fallback = await createId("shrinking", { contextWindow: 1000n });
    await config.client.createEndpoint(
      messageOf(configV1.CreateEndpointRequest, {
        endpoint: {
          name: "fitted",
          modelMappings: [
            { modelDefinitionId: primary, linkageType: PRIMARY },
            { modelDefinitionId: fallback, linkageType: FALLBACK },
          ],
        },
      }),
    );
    const { warnings } = await update({ modelDefinitionId: fallback, contextWindow: 10n });
    expect(warnings).toEqual([
      {
        field: "endpoints[fitted].model_mappings[1]",
        message: "its context window of 10 tokens is smaller than the 1000 of the PRIMARY roomy",
      },
    ]);
  });
});

test("warns about a secret of another provider, and of nothing that is acted on", async () => {
  const secretId = await createSecretId("for-groq", "groq");
  const { warnings } = await create("warned", {
    secretId,
    policy: { breaker: { minRequests: 3 }, maxConcurrency: 2 },
    probe: { path: "/health", intervalMs: 5000 },
  });
  expect(warnings.map(({ field }) => field)).toEqual(["model_definition.secret_id"]);
});

test("warns, whenever it is written, that nothing acts on a price yet", async () => {
  const { modelDefinition, warnings } = await create("priced", { price: { input: 1, output: 2 } });
  const told = [{ field: "model_definition.price", message: "is stored, and not acted on yet by this version" }];
  expect(warnings).toEqual(told);
  const { modelDefinitionId } = modelDefinition ?? {};
  expect((await update({ modelDefinitionId, contextWindow: 10n })).warnings).toEqual(told);
});

test("warns, whenever it is written, of a provider without the key that it needs", async () => {
  const { modelDefinition, warnings } = await create("keyless", { provider: "openai" });
  expect(warnings).toEqual([
    { field: "model_definition.secret_id", message: "is not set: calls go without api_key, which openai needs" },
  ]);
  const { secret } = await config.client.createSecret(
    messageOf(configV1.CreateSecretRequest, { secret: { secretName: "of-tokens", provider: "openai" } }),
  );
  const { modelDefinitionId } = modelDefinition ?? {};
  expect((await update({ modelDefinitionId, secretId: secret?.secretId })).warnings).toEqual([
    {
      field: "model_definition.secret_id",
      message: "the value of the secret lacks api_key, which openai needs",
    },
  ]);
});

test("lists by provider and by secret", async () => {
  const secretId = await createSecretId("for-listing");
  await create("listed-1", { provider: "xai", secretId });
  await create("listed-2", { provider: "xai" });
  const list = async (filter: { provider?: string; secretId?: string }) => {
    const request = messageOf(configV1.ListModelDefinitionsRequest, filter);
    return (await config.client.listModelDefinitions(request)).modelDefinitions.map(({ name }) => name);
  };
  expect(await list({ provider: "xai" })).toEqual(["listed-1", "listed-2"]);
  expect(await list({ secretId })).toEqual(["listed-1"]);
});

test("deletes a model definition only when no endpoint uses it", async () => {
  const modelDefinitionId = await createId("mapped");
  const { endpoint } = await config.client.createEndpoint(
    messageOf(configV1.CreateEndpointRequest, {
      endpoint: { name: "mapping", modelMappings: [{ modelDefinitionId, linkageType: PRIMARY }] },
    }),
  );
  expect(await failureOf(config.client.deleteModelDefinition({ modelDefinitionId, etag: "" }))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "RESOURCE_IN_USE",
    metadata: { resource_type: "model", resource_name: "mapped", used_by: "endpoint mapping" },
  });
  await config.client.deleteEndpoint({ endpointId: endpoint?.endpointId ?? "", etag: "" });
  await config.client.deleteModelDefinition({ modelDefinitionId, etag: "" });
  expect((await failureOf(config.client.deleteModelDefinition({ modelDefinitionId, etag: "" }))).code).toBe(
    "NOT_FOUND",
  );
});

test("answers a repeated create by its request_id, even after the thing changed", async () => {
  const first = await create("repeated", {}, "m-1");
  await update({ modelDefinitionId: first.modelDefinition?.modelDefinitionId, modelName: "changed" });
  expect(await create("repeated", {}, "m-1")).toEqual(first);
  expect(Object.keys(await violationsOf(create("repeated", { modelName: "y" }, "m-1")))).toEqual(["request_id"]);
  expect(Object.keys(await violationsOf(create("long", {}, "x".repeat(129))))).toEqual(["request_id"]);
});
