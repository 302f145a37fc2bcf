import { type AddressInfo, connect as connectTo, createServer, type Socket } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { inferenceV1 } from "#contracts";
import {
  createGrpcChannel,
  createGrpcClient,
  type GrpcServer,
  RpcError,
  type RpcErrorInit,
  type Service,
  startGrpcServer,
} from "#rpc";
import { toBytesMethod } from "./grpc-handlers.ts";

const definition = inferenceV1.InferenceServiceDefinition;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

async function start(listModels: Service<typeof definition>["listModels"], port = 0): Promise<GrpcServer> {
  const implementation: Service<typeof definition> = {
    listModels,
    invoke: async () => inferenceV1.InvokeResponse.create(),
    async *streamInvoke() {},
    chatCompletion: async () => inferenceV1.ChatCompletionResponse.create(),
    async *streamChatCompletion() {},
  };
  const server = await startGrpcServer({ host: "127.0.0.1", port, services: [{ definition, implementation }] });
  closers.push(() => server.drain(0));
  return server;
}

/** A client of what is, or is not, at the address, and the reasons that its log was told. */
function connect(address: string, connectTimeoutMs = 5000) {
  const told: string[] = [];
  const channel = createGrpcChannel({
    address,
    connectTimeoutMs,
    serviceName: "routing service",
    onUnreachable: (reason) => told.push(reason),
  });
  closers.push(() => channel.close());
  return { client: createGrpcClient(definition, channel), told, channel };
}

async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RpcError);
  return error as RpcError;
}

const served = async () => inferenceV1.ListModelsResponse.fromPartial({});

test("a server that is not there is told without its address, which the log hears once until it answers again", async () => {
  const first = await start(served);
  const { client, told } = connect(first.address);
  await first.drain(0);
  for (let call = 0; call < 3; call += 1) {
    const error = await failureOf(client.listModels({}));
    expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "UNAVAILABLE", details: [], metadata: {} });
    expect(error.message).toBe("The routing service cannot be reached.");
  }
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(first.address);
  const second = await start(served, first.port);
  await expect
    .poll(() =>
      client.listModels({}).then(
        () => "served",
        () => "failed",
      ),
    )
    .toBe("served");
  await second.drain(0);
  await failureOf(client.listModels({}));
  expect(told).toHaveLength(2);
});

test("a channel that was closed names no address either", async () => {
  const { client, channel } = connect("127.0.0.1:1");
  channel.close();
  expect((await failureOf(client.listModels({}))).message).toBe("The routing service cannot be reached.");
});

test("an UNAVAILABLE that the server itself says passes as it is", async () => {
  const init: RpcErrorInit = { code: "UNAVAILABLE", reason: "CONFIG_UNAVAILABLE", message: "No configuration yet." };
  const server = await start(async () => {
    throw new RpcError(init);
  });
  const { client, told } = connect(server.address);
  expect(await failureOf(client.listModels({}))).toMatchObject(init);
  expect(told).toEqual([]);
});

test("an UNAVAILABLE that came from something in between is one of the connection", async () => {
  const proxy = new Server();
  const path = "/spillway.inference.v1.InferenceService/ListModels";
  proxy.addService(
    { listModels: toBytesMethod(path, { requestStream: false, responseStream: false }) },
    {
      listModels: (_call: unknown, send: (error: object) => void) =>
        send({ code: 14, details: "upstream connect error: 10.0.0.7:8081" }),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    proxy.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  closers.push(() => proxy.forceShutdown());
  const { client, told } = connect(`127.0.0.1:${port}`);
  await failureOf(client.listModels({}));
  expect((await failureOf(client.listModels({}))).message).toBe("The routing service cannot be reached.");
  expect(told).toEqual(["upstream connect error: 10.0.0.7:8081"]);
});

test("a connection that breaks under a call is told as one that is away, so that callers try again", async () => {
  const sockets: Socket[] = [];
  const server = await start(() => new Promise(() => {}));
  const relay = createServer((socket) => {
    const inner = connectTo(Number(server.address.split(":")[1]), "127.0.0.1");
    sockets.push(socket);
    socket.pipe(inner).pipe(socket);
    // What an HTTP/2 peer says of a connection that it gives up: GOAWAY with INTERNAL_ERROR.
    socket.on("error", () => inner.destroy());
    inner.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  closers.push(() => relay.close());
  const { client } = connect(`127.0.0.1:${(relay.address() as AddressInfo).port}`);
  const failure = failureOf(client.listModels({}));
  await expect.poll(() => sockets.length).toBe(1);
  // A frame of a length that HTTP/2 does not allow.
  sockets[0]?.write(Buffer.from("ffffff000000000001", "hex"));
  expect(await failure).toMatchObject({
    code: "UNAVAILABLE",
    reason: "UNAVAILABLE",
    message: "The routing service cannot be reached.",
  });
});

test("a deadline that passes names no address", async () => {
  const server = await start(() => new Promise(() => {}));
  const { client } = connect(server.address);
  const error = await failureOf(client.listModels({}, { deadlineAtMs: Date.now() + 50 }));
  expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" });
  expect(error.message).not.toContain("127.0.0.1");
});
