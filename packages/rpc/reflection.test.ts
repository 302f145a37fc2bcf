import { create, createFileRegistry, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { grpcStandard, inferenceV1 } from "#contracts";
import { type GrpcServer, type Service, startGrpcServer } from "#rpc";

const { ServerReflectionRequest, ServerReflectionResponse } = grpcStandard.reflectionV1;
type Question = NonNullable<grpcStandard.reflectionV1.ServerReflectionRequest["messageRequest"]>;
type Answer = grpcStandard.reflectionV1.ServerReflectionResponse["messageResponse"];

const definition = inferenceV1.InferenceServiceDefinition;
const implementation: Service<typeof definition> = {
  listModels: async () => ({ models: [], revision: 7n }),
  // The trail holds enums of two other packages.
  invoke: async ({ endpoint }) => ({
    body: Buffer.from("{}"),
    contentType: "application/json",
    trail: {
      endpoint,
      revision: 7n,
      rule: "",
      attempts: [inferenceV1.Attempt.fromPartial({ index: 1, role: 2, failureClass: 13, target: "fault/x" })],
      overheadMs: 1,
      providerWaitMs: 2,
    },
  }),
  async *streamInvoke() {},
  chatCompletion: async () => inferenceV1.ChatCompletionResponse.create(),
  async *streamChatCompletion() {},
};

let server: GrpcServer;
let client: Client;

beforeEach(async () => {
  server = await startGrpcServer({ host: "127.0.0.1", port: 0, services: [{ definition, implementation }] });
  client = new Client(server.address, credentials.createInsecure());
});

afterEach(async () => {
  client.close();
  await server.drain(0);
});

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

/** Asks all questions on one stream. */
async function ask(version: string, ...questions: readonly Question[]): Promise<Answer[]> {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const stream = client.makeBidiStreamRequest(path, asIs, asIs);
  for (const messageRequest of questions) {
    stream.write(Buffer.from(ServerReflectionRequest.encode({ host: "here", messageRequest }).finish()));
  }
  stream.end();
  const answers: Answer[] = [];
  for await (const bytes of stream) {
    const response = ServerReflectionResponse.decode(bytes);
    expect(response.validHost).toBe("here");
    answers.push(response.messageResponse);
  }
  return answers;
}

describe.each(["v1", "v1alpha"])("reflection %s", (version) => {
  test("lists the services", async () => {
    const [answer] = await ask(version, { $case: "listServices", value: "" });
    expect(answer).toEqual({
      $case: "listServicesResponse",
      value: {
        service: [
          { name: "grpc.health.v1.Health" },
          { name: "grpc.reflection.v1.ServerReflection" },
          { name: "grpc.reflection.v1alpha.ServerReflection" },
          { name: "spillway.inference.v1.InferenceService" },
        ],
      },
    });
  });

  test("is enough to call a method whose answer has enums of other packages", async () => {
    const [answer] = await ask(version, {
      $case: "fileContainingSymbol",
      value: "spillway.inference.v1.InferenceService",
    });
    if (answer?.$case !== "fileDescriptorResponse") {
      throw new Error(`no descriptor but ${answer?.$case}`);
    }
    const file = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
    const invoke = registry.getService("spillway.inference.v1.InferenceService")?.method.invoke;
    if (invoke === undefined) {
      throw new Error("the descriptor lacks the method");
    }
    const request = toBinary(
      invoke.input,
      fromJson(invoke.input, { endpoint: "chat", dialect: "DIALECT_OPENAI_CHAT" }),
    );
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(
        `/${invoke.parent.typeName}/${invoke.name}`,
        asIs,
        asIs,
        Buffer.from(request),
        (error, value) => (error === null ? resolve(value ?? Buffer.alloc(0)) : reject(error)),
      );
    });
    expect(toJson(invoke.output, fromBinary(invoke.output, bytes), { registry })).toMatchObject({
      contentType: "application/json",
      trail: {
        endpoint: "chat",
        attempts: [{ role: "GATEWAY_MODEL_LINKAGE_TYPE_FALLBACK", failureClass: "FAILURE_CLASS_PROVIDER_OVERLOADED" }],
      },
    });
  });

  test("finds files by name, nested symbol and method, and extensions where there are any", async () => {
    const answers = await ask(
      version,
      { $case: "fileByFilename", value: "google/protobuf/struct.proto" },
      { $case: "fileContainingSymbol", value: "spillway.inference.v1.InferenceService.Invoke" },
      { $case: "fileContainingSymbol", value: "spillway.inference.v1.RouteTrail.attempts" },
      { $case: "allExtensionNumbersOfType", value: "spillway.inference.v1.RouteTrail" },
    );
    expect(answers.map((answer) => answer?.$case)).toEqual([
      "fileDescriptorResponse",
      "fileDescriptorResponse",
      "fileDescriptorResponse",
      "allExtensionNumbersResponse",
    ]);
  });

  test("says so where it is asked for nothing, or what is no question", async () => {
    const stream = client.makeBidiStreamRequest(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      asIs,
      asIs,
    );
    stream.write(Buffer.from(ServerReflectionRequest.encode({ host: "here", messageRequest: undefined }).finish()));
    stream.write(Buffer.of(0x0a, 0x7f));
    stream.end();
    const answers: Answer[] = [];
    for await (const bytes of stream) {
      answers.push(ServerReflectionResponse.decode(bytes).messageResponse);
    }
    const refusal = { $case: "errorResponse", value: { errorCode: 3, errorMessage: expect.stringMatching(/nothing/) } };
    expect(answers).toEqual([refusal, refusal]);
  });

  test("answers all that is asked at once, and waits with what its reader does not take", async () => {
    const question: Question = { $case: "fileContainingSymbol", value: "spillway.inference.v1.InferenceService" };
    const answers = await ask(version, ...Array.from({ length: 200 }, () => question));
    expect(answers).toHaveLength(200);
    expect(new Set(answers.map((answer) => answer?.$case))).toEqual(new Set(["fileDescriptorResponse"]));
  });

  test("ends with the server, also where its reader stays", async () => {
    const stream = client.makeBidiStreamRequest(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      asIs,
      asIs,
    );
    const ended = new Promise<ServiceError>((resolve) => stream.once("error", resolve));
    const question: Question = { $case: "listServices", value: "" };
    stream.write(Buffer.from(ServerReflectionRequest.encode({ host: "here", messageRequest: question }).finish()));
    await new Promise((resolve) => stream.once("data", resolve));
    const drained = server.drain(60_000);
    expect(await ended).toMatchObject({ code: 14 });
    await drained;
  });

  test("says what it does not know and goes on", async () => {
    const answers = await ask(
      version,
      { $case: "fileByFilename", value: "nowhere.proto" },
      { $case: "fileContainingSymbol", value: "no.such.Symbol" },
      { $case: "fileContainingExtension", value: { containingType: "no.such.Message", extensionNumber: 1 } },
      { $case: "allExtensionNumbersOfType", value: "no.such.Message" },
      { $case: "listServices", value: "" },
    );
    expect(answers.slice(0, 4)).toEqual(
      Array.from({ length: 4 }, () => ({ $case: "errorResponse", value: expect.objectContaining({ errorCode: 5 }) })),
    );
    expect(answers[4]?.$case).toBe("listServicesResponse");
  });
});
