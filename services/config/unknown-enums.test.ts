import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configV1 } from "#contracts";
import type { MessageCodec } from "#rpc";
import {
  messageOf,
  openTestConfigService,
  type PartsOf,
  type TestConfigService,
  violationsOf,
} from "../../test/harness/test-config-service.ts";

const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;
/** A number that none of our enums has. */
const unknown = 77 as never;

let config: TestConfigService;
let modelIds: string[];
let endpointId: string;

beforeAll(async () => {
  config = await openTestConfigService();
  modelIds = [];
  for (const name of ["one", "two"]) {
    const { modelDefinition } = await config.client.createModelDefinition(
      messageOf(configV1.CreateModelDefinitionRequest, { modelDefinition: { name, provider: "echo", modelName: "e" } }),
    );
    modelIds.push(modelDefinition?.modelDefinitionId ?? "");
  }
  const { endpoint } = await config.client.createEndpoint(fromWire(configV1.CreateEndpointRequest, endpointWith({})));
  endpointId = endpoint?.endpointId ?? "";
});
afterAll(() => config?.close());

interface WireCodec<Message> extends MessageCodec<Message> {
  fromPartial(object: never): Message;
}

/** The message as a server gets it: encoded, and decoded again. */
function fromWire<Message>(codec: WireCodec<Message>, parts: PartsOf<NoInfer<Message>>): Message {
  return codec.decode(codec.encode(messageOf<Message>(codec, parts)).finish());
}

type EndpointParts = PartsOf<configV1.GatewayEndpoint>;

function endpointWith(parts: EndpointParts): PartsOf<configV1.CreateEndpointRequest> {
  const modelMappings = [{ modelDefinitionId: modelIds[0], linkageType: PRIMARY }];
  return { endpoint: { name: "chat", modelMappings, ...parts } };
}

type PartsWithEnums = Pick<EndpointParts, "routingStrategy" | "fallbackConfig" | "policy">;

const endpointCases: readonly (readonly [path: string, PartsWithEnums])[] = [
  ["routing_strategy", { routingStrategy: unknown }],
  ["fallback_config.strategy", { fallbackConfig: { strategy: unknown } }],
  ["policy.stream_mode", { policy: { streamMode: unknown } }],
  ["policy.fallback_on.add[0]", { policy: { fallbackOn: { add: [unknown] } } }],
  ["policy.retry_on.remove[0]", { policy: { retryOn: { remove: [unknown] } } }],
];

describe("an enum number that nobody knows, as it comes on the wire, is refused:", () => {
  test.each(endpointCases)("%s of an endpoint that is created", async (path, parts) => {
    const request = fromWire(configV1.CreateEndpointRequest, endpointWith({ ...parts, name: "other" }));
    expect(await violationsOf(config.client.createEndpoint(request))).toEqual({
      [`endpoint.${path}`]: expect.stringMatching(/^must be one of [A-Z]/),
    });
  });

  test.each(endpointCases)("%s of an endpoint that is updated", async (path, parts) => {
    const request = fromWire(configV1.UpdateEndpointRequest, { endpoint: { ...parts, endpointId } });
    expect(await violationsOf(config.client.updateEndpoint(request))).toEqual({
      [`endpoint.${path}`]: expect.stringMatching(/^must be one of [A-Z]/),
    });
  });

  test.each(endpointCases)("%s of an endpoint of a document", async (path, parts) => {
    const request = fromWire(configV1.ApplyConfigRequest, {
      source: "file:a",
      document: { version: 1, endpoints: [{ name: "other", primary: [{ model: "one" }], ...parts }] },
    });
    const field = `endpoints[0].${path.replace(/\.(?:add|remove)\[0\]$/, "")}`;
    expect(await violationsOf(config.client.applyConfig(request))).toEqual({
      [field]: expect.stringMatching(/^must be one of [A-Z]/),
    });
  });

  test("linkage_type of a mapping that is created, attached or detached", async () => {
    const modelMappings = [
      { modelDefinitionId: modelIds[0], linkageType: PRIMARY },
      { modelDefinitionId: modelIds[1], linkageType: unknown },
    ];
    const creating = fromWire(configV1.CreateEndpointRequest, endpointWith({ name: "other", modelMappings }));
    expect(await violationsOf(config.client.createEndpoint(creating))).toEqual({
      "endpoint.model_mappings[1].linkage_type": "must be PRIMARY or FALLBACK",
    });
    const modelConfig = { modelDefinitionId: modelIds[1], linkageType: unknown };
    const attaching = fromWire(configV1.AttachModelRequest, { endpointId, modelConfig });
    expect(await violationsOf(config.client.attachModel(attaching))).toEqual({
      "model_config.linkage_type": "must be PRIMARY or FALLBACK",
    });
    const detaching = fromWire(configV1.DetachModelRequest, {
      endpointId,
      modelDefinitionId: modelIds[0],
      linkageType: unknown,
    });
    expect(await violationsOf(config.client.detachModel(detaching))).toEqual({
      linkage_type: "must be PRIMARY, FALLBACK or unset",
    });
  });

  test("each enum of a budget", async () => {
    const request = fromWire(configV1.ApplyConfigRequest, {
      source: "file:a",
      document: {
        version: 1,
        budgets: [
          {
            name: "b",
            amount: 1,
            unit: unknown,
            duration: { unit: unknown, value: 1 },
            scope: unknown,
            action: unknown,
          },
        ],
      },
    });
    expect(Object.keys(await violationsOf(config.client.applyConfig(request)))).toEqual([
      "budgets[0].unit",
      "budgets[0].duration.unit",
      "budgets[0].scope",
      "budgets[0].action",
    ]);
  });
});

test("*_UNSPECIFIED on the wire reads as unset", async () => {
  const parts: EndpointParts = {
    routingStrategy: 0,
    fallbackConfig: { strategy: 0 },
    policy: { streamMode: 0, fallbackOn: {} },
    modelMappings: [
      { modelDefinitionId: modelIds[0], linkageType: PRIMARY },
      { modelDefinitionId: modelIds[1], linkageType: FALLBACK },
    ],
  };
  const request = fromWire(configV1.CreateEndpointRequest, endpointWith({ ...parts, name: "unspecified" }));
  const { endpoint } = await config.client.createEndpoint(request);
  expect(endpoint).toMatchObject({ routingStrategy: undefined, fallbackConfig: { strategy: undefined } });
});
