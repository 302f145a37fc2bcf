import {
  create,
  createFileRegistry,
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { configV1, grpcStandard, routingV1 } from "#contracts";
import { createGrpcChannel, createGrpcClient, type GrpcChannel, type Service } from "#rpc";
import { healthyStep, type ScriptedUpstream, startScriptedUpstream } from "../harness/scripted-upstream.ts";
import { testKeys, testTargets, toTestConfig } from "./test-config.ts";
import { Topology, topologyKinds } from "./topology.ts";

const messages = [{ role: "user" as const, content: "Does it come back?" }];
/** A change is promised within 200 ms; a busy machine gets ten times that. */
const promisedChangeMs = 200;

describe.each(topologyKinds)("control of Spillway as %s", (kind) => {
  let first: ScriptedUpstream;
  let second: ScriptedUpstream;
  let spillway: Topology;
  let channels: readonly GrpcChannel[];
  let config: Service<configV1.ConfigServiceDefinition>;
  let routing: Service<routingV1.RoutingServiceDefinition>;

  beforeAll(async () => {
    first = await startScriptedUpstream();
    second = await startScriptedUpstream();
    spillway = await Topology.start(kind, { config: toTestConfig({ first, second }) });
    channels = [spillway.configAddress, spillway.inferenceAddress].map((address) => createGrpcChannel({ address }));
    const [toConfig, toRouting] = channels as [GrpcChannel, GrpcChannel];
    config = createGrpcClient(configV1.ConfigServiceDefinition, toConfig);
    routing = createGrpcClient(routingV1.RoutingServiceDefinition, toRouting);
  });

  afterAll(async () => {
    for (const channel of channels ?? []) {
      channel.close();
    }
    await spillway?.stop();
    await first?.close();
    await second?.close();
  });

  beforeEach(() => {
    first.otherwise(healthyStep);
    second.otherwise(healthyStep);
  });

  async function call(endpoint: string): Promise<Response> {
    const answer = await fetch(`${spillway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${testKeys.all}` },
      body: JSON.stringify({ model: endpoint, messages }),
    });
    await answer.arrayBuffer();
    return answer;
  }

  /** Asks routing for its chain until it is as it should be. Returns the milliseconds that it took. */
  async function untilChainBegins(endpoint: string, target: string): Promise<number> {
    const startedAtMs = performance.now();
    for (;;) {
      const request = routingV1.ResolveChainRequest.fromPartial({ endpoint });
      const { chain } = await routing.resolveChain(request);
      const elapsedMs = performance.now() - startedAtMs;
      if (chain[0]?.target === target) {
        return elapsedMs;
      }
      if (elapsedMs > 10 * promisedChangeMs) {
        throw new Error(`${endpoint} begins with ${chain[0]?.target} still`);
      }
    }
  }

  test("a change by gRPC is in force in routing at once", async () => {
    const { modelDefinitions } = await config.listModelDefinitions(
      configV1.ListModelDefinitionsRequest.fromPartial({}),
    );
    const definition = modelDefinitions.find(({ name }) => name === "first");
    for (const modelName of ["changed-model", "first-model"]) {
      await config.updateModelDefinition({
        modelDefinition: configV1.GatewayModelDefinition.fromPartial({
          modelDefinitionId: definition?.modelDefinitionId ?? "",
          modelName,
        }),
        updateMask: ["model_name"],
      });
      const elapsedMs = await untilChainBegins("solo", `openai-compatible/${modelName}`);
      expect(elapsedMs).toBeLessThan(10 * promisedChangeMs);
      const answer = await call("solo");
      expect(answer.headers.get("x-spillway-target")).toBe(`openai-compatible/${modelName}`);
    }
  });

  test("an endpoint made by gRPC can be called at once, and is gone when it is deleted", async () => {
    const { endpoints } = await config.listEndpoints(configV1.ListEndpointsRequest.fromPartial({}));
    const chat = endpoints.find(({ name }) => name === "chat");
    const [mapping] = chat?.modelMappings ?? [];
    const { endpoint } = await config.createEndpoint({
      endpoint: configV1.GatewayEndpoint.fromPartial({
        name: "made-by-grpc",
        modelMappings: [
          {
            modelDefinitionId: mapping?.modelDefinitionId ?? "",
            weight: 1,
            linkageType: configV1.GatewayModelLinkageType.PRIMARY,
          },
        ],
      }),
      requestId: "",
    });
    await expect.poll(async () => (await call("made-by-grpc")).status, { timeout: 10 * promisedChangeMs }).toBe(200);
    await config.deleteEndpoint({ endpointId: endpoint?.endpointId ?? "", etag: "" });
    await expect.poll(async () => (await call("made-by-grpc")).status, { timeout: 10 * promisedChangeMs }).toBe(404);
  });

  test("a change of the file is put in force, and a bad one changes nothing and is told", async () => {
    const good = toTestConfig({ first, second });
    spillway.writeConfig(good.replace("- name: solo", "- name: alone"));
    await expect.poll(async () => (await call("alone")).status, { interval: 20 }).toBe(200);
    spillway.writeConfig(good.replace("- name: solo", "- nmae: solo"));
    await expect.poll(async () => JSON.stringify(await spillway.readReadiness()), { interval: 20 }).toContain("nmae");
    expect((await spillway.readReadiness()).httpStatus).toBe(200);
    expect((await call("alone")).status).toBe(200);
    spillway.writeConfig(good);
    await expect.poll(async () => (await call("solo")).status, { interval: 20 }).toBe(200);
    expect((await call("alone")).status).toBe(404);
  });

  test("draws fall as the weights say", async () => {
    const draws = 300;
    let ofFirst = 0;
    for (let made = 0; made < draws; made += 10) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => call("split")));
      for (const answer of answers) {
        expect(answer.status).toBe(200);
        if (answer.headers.get("x-spillway-target") === testTargets.first) {
          ofFirst++;
        }
      }
    }
    // Five standard deviations of the binomial distribution: a fair draw is outside once in two million runs.
    const deviation = Math.sqrt(draws * 0.3 * 0.7);
    expect(Math.abs(ofFirst - draws * 0.3)).toBeLessThan(5 * deviation);
  });

  describe("a gRPC client that knows nothing but reflection", () => {
    let client: Client;
    beforeAll(() => {
      client = new Client(spillway.inferenceAddress, credentials.createInsecure());
    });
    afterAll(() => client?.close());

    const asIs = (bytes: Buffer) => bytes;

    function callStream(path: string, request: Uint8Array): AsyncIterable<Buffer> {
      const metadata = new Metadata();
      metadata.set("authorization", `Bearer ${testKeys.all}`);
      return client.makeServerStreamRequest(path, asIs, asIs, Buffer.from(request), metadata);
    }

    async function findMethod(service: string, name: string): Promise<DescMethod> {
      const { ServerReflectionRequest, ServerReflectionResponse } = grpcStandard.reflectionV1;
      const stream = client.makeBidiStreamRequest(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        asIs,
        asIs,
      );
      const messageRequest = { $case: "fileContainingSymbol" as const, value: service };
      stream.end(Buffer.from(ServerReflectionRequest.encode({ host: "", messageRequest }).finish()));
      for await (const bytes of stream) {
        const { messageResponse } = ServerReflectionResponse.decode(bytes);
        if (messageResponse?.$case !== "fileDescriptorResponse") {
          break;
        }
        const file = messageResponse.value.fileDescriptorProto.map((one) => fromBinary(FileDescriptorProtoSchema, one));
        const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
        const method = registry.getService(service)?.methods.find((one) => one.name === name);
        if (method !== undefined) {
          return method;
        }
      }
      throw new Error(`reflection knows no ${service}/${name}`);
    }

    async function invoke(service: string, name: string, request: JsonValue): Promise<JsonValue[]> {
      const method = await findMethod(service, name);
      const bytes = toBinary(method.input, fromJson(method.input, request));
      const answers: JsonValue[] = [];
      for await (const answer of callStream(`/${service}/${name}`, bytes)) {
        answers.push(toJson(method.output, fromBinary(method.output, answer)));
      }
      return answers;
    }

    test("lists the endpoints", async () => {
      const [answer] = await invoke("spillway.inference.v1.InferenceService", "ListModels", {});
      expect(answer).toMatchObject({ models: [{ name: "chat" }, { name: "solo" }, { name: "split" }] });
    });

    test("gets a streamed chat answer", async () => {
      const events = await invoke("spillway.inference.v1.InferenceService", "StreamChatCompletion", {
        request: { endpoint: "chat", messages: [{ role: "CHAT_ROLE_USER", content: [{ text: "hello" }] }] },
      });
      expect(events[0]).toMatchObject({ start: { model: "scripted-model", trail: { endpoint: "chat" } } });
      const text = events.map((event) => (event as { delta?: { text?: string } }).delta?.text ?? "").join("");
      expect(text).toBe("Hello from upstream");
      expect(events.at(-1)).toMatchObject({ end: { trail: { attempts: [{ target: testTargets.first }] } } });
    });
  });
});
