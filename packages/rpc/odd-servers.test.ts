import { Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { inferenceV1 } from "#contracts";
import { createGrpcChannel, createGrpcClient } from "#rpc";
import { toBytesMethod } from "./grpc-handlers.ts";

const definition = inferenceV1.InferenceServiceDefinition;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) {
    close();
  }
});

/** A client of a server of another make, which sends these bytes as messages and then says that all is well. */
async function connect(...messages: readonly Buffer[]) {
  const server = new Server();
  const method = (name: string) =>
    toBytesMethod(`/${definition.fullName}/${name}`, { requestStream: false, responseStream: true });
  const send = (call: ServerWritableStream<Buffer, Buffer>) => {
    for (const message of messages) {
      call.write(message);
    }
    call.end();
  };
  server.addService(
    { listModels: method("ListModels"), invoke: method("Invoke"), streamInvoke: method("StreamInvoke") },
    { listModels: send, invoke: send, streamInvoke: send },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const channel = createGrpcChannel({ address: `127.0.0.1:${port}` });
  closers.push(
    () => server.forceShutdown(),
    () => channel.close(),
  );
  return createGrpcClient(definition, channel);
}

const modelNamed = (name: string) =>
  Buffer.from(
    inferenceV1.ListModelsResponse.encode({
      models: [{ name, createdAt: 1n, description: "" }],
      revision: 7n,
    }).finish(),
  );
const event = (text: string) =>
  Buffer.from(inferenceV1.StreamInvokeResponse.encode({ event: { $case: "data", value: Buffer.from(text) } }).finish());
/** A field that says it is longer than what follows. */
const nonsense = Buffer.of(0x0a, 0x7f, 0x01);

async function read(stream: AsyncIterable<inferenceV1.StreamInvokeResponse>): Promise<string[]> {
  const texts: string[] = [];
  try {
    for await (const message of stream) {
      texts.push(message.event?.$case === "data" ? message.event.value.toString() : "");
    }
  } catch (error) {
    texts.push((error as Error).message);
  }
  return texts;
}

describe("a server that does not keep to the contract", () => {
  test("and answers without an answer fails the call", async () => {
    const client = await connect();
    await expect(client.listModels({})).rejects.toMatchObject({ code: "INTERNAL", message: "the answer is missing" });
  });

  test("and answers with what cannot be read fails the call", async () => {
    const client = await connect(nonsense);
    await expect(client.listModels({})).rejects.toMatchObject({
      code: "INTERNAL",
      message: "the answer cannot be decoded",
      cause: expect.any(Error),
    });
  });

  test("and sends something that cannot be read ends the stream there, after what came before", async () => {
    const client = await connect(event("a"), event("b"), nonsense, event("c"));
    const request = inferenceV1.StreamInvokeRequest.create();
    expect(await read(client.streamInvoke(request))).toEqual(["a", "b", "the answer cannot be decoded"]);
  });

  test("is still called with what it can answer", async () => {
    const client = await connect(modelNamed("chat"));
    expect((await client.listModels({})).models).toMatchObject([{ name: "chat" }]);
  });
});

test("a request that cannot be encoded fails its call, and no other", async () => {
  const client = await connect(modelNamed("chat"));
  const request = {
    endpoint: "chat",
    dialect: inferenceV1.Dialect.OPENAI_CHAT,
    body: "no bytes" as unknown as Buffer,
    headers: {},
  };
  await expect(client.invoke(request)).rejects.toMatchObject({
    code: "INTERNAL",
    message: "the request cannot be encoded",
  });
  expect((await client.listModels({})).revision).toBe(7n);
});
