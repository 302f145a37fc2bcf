import { afterAll, beforeAll, expect, test } from "vitest";
import { configV1 } from "#contracts";
import {
  failureOf,
  messageOf,
  openTestConfigService,
  type PartsOf,
  type TestConfigService,
  violationsOf,
} from "../../../test/harness/test-config-service.ts";

const { PRIMARY, FALLBACK, UNSPECIFIED } = configV1.GatewayModelLinkageType;

let config: TestConfigService;
let modelIds: string[];

beforeAll(async () => {
  config = await openTestConfigService();
  modelIds = [];
  for (const name of ["one", "two"]) {
    const { modelDefinition } = await config.client.createModelDefinition(
      messageOf(configV1.CreateModelDefinitionRequest, {
        modelDefinition: { name, provider: "echo", modelName: "e" },
      }),
    );
    modelIds.push(modelDefinition?.modelDefinitionId ?? "");
  }
});
afterAll(() => config?.close());

async function createEndpoint(name: string, parts: PartsOf<configV1.GatewayEndpoint> = {}) {
  const { endpoint } = await config.client.createEndpoint(
    messageOf(configV1.CreateEndpointRequest, {
      endpoint: { name, modelMappings: [{ modelDefinitionId: modelIds[0], linkageType: PRIMARY }], ...parts },
    }),
  );
  return endpoint?.endpointId ?? "";
}

function attach(endpointId: string, modelConfig: PartsOf<configV1.GatewayEndpointModelConfig>) {
  return config.client.attachModel(messageOf(configV1.AttachModelRequest, { endpointId, modelConfig }));
}

async function get(endpointId: string) {
  const { endpoint } = await config.client.getEndpoint({ endpointId, name: "" });
  return endpoint ?? messageOf(configV1.GatewayEndpoint, {});
}

const detach = (endpointId: string, modelDefinitionId = "", linkageType: number = UNSPECIFIED) =>
  config.client.detachModel(
    messageOf(configV1.DetachModelRequest, {
      endpointId,
      modelDefinitionId,
      linkageType: linkageType as configV1.GatewayModelLinkageType,
    }),
  );

test("attaches a model once in each part, as a change of the endpoint", async () => {
  const endpointId = await createEndpoint("attached");
  const before = await get(endpointId);
  const { mapping } = await attach(endpointId, {
    modelDefinitionId: modelIds[0],
    linkageType: FALLBACK,
    fallbackOrder: 2,
    name: "again",
    policy: { retries: { max: 0 } },
  });
  const after = await get(endpointId);
  expect(after.modelMappings).toHaveLength(2);
  expect(after.modelMappings[1]).toEqual(mapping);
  expect(mapping).toMatchObject({ endpointId, linkageType: FALLBACK, fallbackOrder: 2, name: "again" });
  expect(after.etag).not.toBe(before.etag);
  expect(await failureOf(attach(endpointId, { modelDefinitionId: modelIds[0], linkageType: FALLBACK }))).toMatchObject({
    code: "ALREADY_EXISTS",
    metadata: { resource_type: "mapping", resource_name: "one", endpoint: "attached" },
  });
});

test("warns of what the new mapping changes for those that were there, and of nothing that was so before", async () => {
  const create = async (name: string, contextWindow: bigint) => {
    const modelDefinition = { name, provider: "echo", modelName: "e", contextWindow };
    const request = messageOf(configV1.CreateModelDefinitionRequest, { modelDefinition });
    return (await config.client.createModelDefinition(request)).modelDefinition?.modelDefinitionId ?? "";
  };
  const [small, middle, large] = [
    await create("small", 10n),
    await create("middle", 100n),
    await create("large", 1000n),
  ];
  const endpointId = await createEndpoint("warned", {
    modelMappings: [
      { modelDefinitionId: middle, linkageType: PRIMARY },
      { modelDefinitionId: small, linkageType: FALLBACK },
    ],
  });
  const { warnings } = await attach(endpointId, { modelDefinitionId: large, linkageType: PRIMARY, weight: 0 });
  expect(warnings).toEqual([
    { field: "model_config.weight", message: "a weight of 0 is never drawn" },
    {
      field: "endpoint.model_mappings[1]",
      message: "its context window of 10 tokens is smaller than the 1000 of the PRIMARY large",
    },
  ]);
});

test("names the field of what cannot be attached", async () => {
  const endpointId = await createEndpoint("unattached");
  const attempt = (parts: PartsOf<configV1.GatewayEndpointModelConfig>) =>
    violationsOf(attach(endpointId, { modelDefinitionId: modelIds[1], ...parts })).then(Object.keys);
  expect(await attempt({})).toEqual(["model_config.linkage_type"]);
  expect(await attempt({ linkageType: PRIMARY, weight: -1 })).toEqual(["model_config.weight"]);
  expect(await attempt({ linkageType: PRIMARY, modelDefinitionId: "" })).toEqual(["model_config.model_definition_id"]);
  expect((await failureOf(attach("e-nope", { modelDefinitionId: modelIds[1] }))).code).toBe("NOT_FOUND");
  expect((await failureOf(attach(endpointId, { modelDefinitionId: "d-nope" }))).metadata).toMatchObject({
    resource_name: "d-nope",
    field: "model_config.model_definition_id",
  });
});

test("names the id or key that a request leaves out", async () => {
  const endpointId = await createEndpoint("left-out");
  const { client } = config;
  const fieldsOf = async (call: Promise<unknown>) => Object.entries(await violationsOf(call));
  const update = messageOf(configV1.UpdateEndpointRequest, { endpoint: { name: "left-out" } });
  expect(await fieldsOf(client.updateEndpoint(update))).toEqual([["endpoint.endpoint_id", "must be set"]]);
  expect(await fieldsOf(client.deleteEndpoint({ endpointId: "", etag: "" }))).toEqual([["endpoint_id", "must be set"]]);
  expect(await fieldsOf(attach("", { modelDefinitionId: modelIds[1] }))).toEqual([["endpoint_id", "must be set"]]);
  expect(await fieldsOf(detach("", modelIds[0]))).toEqual([["endpoint_id", "must be set"]]);
  expect(await fieldsOf(detach(endpointId))).toEqual([["model_definition_id", "must be set"]]);
  expect(await fieldsOf(client.deleteEndpointTag({ endpointId: "", key: "k" }))).toEqual([
    ["endpoint_id", "must be set"],
  ]);
  expect(await fieldsOf(client.deleteEndpointTag({ endpointId, key: "" }))).toEqual([["key", "must be set"]]);
});

test("detaches the mapping that is meant", async () => {
  const endpointId = await createEndpoint("detached", {
    modelMappings: [
      { modelDefinitionId: modelIds[0], linkageType: PRIMARY },
      { modelDefinitionId: modelIds[1], linkageType: PRIMARY },
      { modelDefinitionId: modelIds[1], linkageType: FALLBACK },
    ],
  });
  expect(Object.keys(await violationsOf(detach(endpointId, modelIds[1])))).toEqual(["linkage_type"]);
  await detach(endpointId, modelIds[1], FALLBACK);
  await detach(endpointId, modelIds[1]);
  expect((await get(endpointId)).modelMappings).toMatchObject([{ modelDefinitionId: modelIds[0] }]);
  expect((await failureOf(detach(endpointId, modelIds[1]))).metadata.resource_type).toBe("mapping");
});

test("never detaches the last PRIMARY, nor one that a rule uses", async () => {
  const endpointId = await createEndpoint("kept", {
    modelMappings: [
      { modelDefinitionId: modelIds[0], linkageType: PRIMARY },
      { modelDefinitionId: modelIds[1], linkageType: FALLBACK },
    ],
    rules: [{ name: "r", when: "true", use: ["two"] }],
  });
  expect((await violationsOf(detach(endpointId, modelIds[0]))).model_definition_id).toMatch(/at least one PRIMARY/);
  expect((await violationsOf(detach(endpointId, modelIds[1]))).model_definition_id).toMatch(/rules\[0\]\.use\[0\]/);
});

test("sets and deletes tags; deleting one that is not there changes nothing", async () => {
  const endpointId = await createEndpoint("labelled");
  const set = (key: string, value: string) => config.client.setEndpointTag({ endpointId, tag: { key, value } });
  await set("team", "search");
  await set("team", "ads");
  await set("cost", "1");
  const { tags, revision } = await get(endpointId);
  expect(tags).toEqual([
    { key: "cost", value: "1" },
    { key: "team", value: "ads" },
  ]);
  await config.client.deleteEndpointTag({ endpointId, key: "absent" });
  await set("team", "ads");
  expect((await get(endpointId)).revision).toBe(revision);
  await config.client.deleteEndpointTag({ endpointId, key: "team" });
  expect((await get(endpointId)).tags).toEqual([{ key: "cost", value: "1" }]);
  expect(Object.keys(await violationsOf(set("", "x")))).toEqual(["tag.key"]);
  expect(Object.keys(await violationsOf(set("k", "x".repeat(5001))))).toEqual(["tag.value"]);
  const unknown = config.client.setEndpointTag({ endpointId: "e-nope", tag: { key: "k", value: "" } });
  expect((await failureOf(unknown)).code).toBe("NOT_FOUND");
});
