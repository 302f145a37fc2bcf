import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { grpcStandard, inferenceV1 } from "#contracts";
import {
  createGrpcChannel,
  createGrpcClient,
  type GrpcChannel,
  type GrpcServer,
  RpcError,
  type Service,
  startGrpcServer,
} from "#rpc";

const definition = inferenceV1.InferenceServiceDefinition;
const { HealthDefinition, HealthCheckResponse_ServingStatus: ServingStatus } = grpcStandard.healthV1;
const streamRequest = inferenceV1.StreamInvokeRequest.create();

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

function implement(methods: Partial<Service<typeof definition>>): Service<typeof definition> {
  return {
    listModels: async () => ({ models: [{ name: "chat", createdAt: 1n, description: "" }], revision: 7n }),
    invoke: async () => inferenceV1.InvokeResponse.create(),
    async *streamInvoke() {},
    chatCompletion: async () => inferenceV1.ChatCompletionResponse.create(),
    async *streamChatCompletion() {},
    ...methods,
  };
}

async function start(methods: Partial<Service<typeof definition>> = {}, port = 0): Promise<GrpcServer> {
  const services = [
    { definition, implementation: implement(methods), endlessMethods: ["streamChatCompletion"] },
  ] as const;
  const server = await startGrpcServer({ host: "127.0.0.1", port, services });
  closers.push(() => server.drain(0));
  return server;
}

function open(address: string, connectTimeoutMs = 5000): GrpcChannel {
  const channel = createGrpcChannel({ address, connectTimeoutMs });
  closers.push(() => channel.close());
  return channel;
}

function deferred(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}

/** A server that takes connections and never says anything. */
async function startSilence(): Promise<string> {
  const sockets: Socket[] = [];
  const server: NetServer = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}

describe("the connection", () => {
  test("that is not made in time fails the call, without a deadline too", async () => {
    const client = createGrpcClient(definition, open(await startSilence(), 200));
    const startedAt = performance.now();
    await expect(client.listModels({})).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "UNAVAILABLE" });
    expect(performance.now() - startedAt).toBeLessThan(2000);
    const read = async () => {
      for await (const _message of client.streamInvoke(streamRequest)) {
        break;
      }
    };
    await expect(read()).rejects.toMatchObject({
      message: "The service cannot be reached.",
      cause: { message: expect.stringMatching(/no connection to .* within 200 ms/) },
    });
  });

  test("that is refused fails the call with UNAVAILABLE", async () => {
    const server = await start();
    const { address } = server;
    await server.drain(0);
    await expect(createGrpcClient(definition, open(address)).listModels({})).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
  });

  test("is made again within seconds when the server comes back", async () => {
    const first = await start();
    const client = createGrpcClient(definition, open(first.address));
    await client.listModels({});
    await first.drain(0);
    await expect(client.listModels({})).rejects.toBeInstanceOf(RpcError);
    await start({}, first.port);
    const list = () =>
      client.listModels({}).then(
        ({ models }) => models.length,
        () => 0,
      );
    await expect.poll(list).toBe(1);
  });

  test("does not go through the proxy of the environment", async () => {
    const server = await start();
    process.env.http_proxy = "http://127.0.0.1:1";
    closers.push(() => {
      delete process.env.http_proxy;
    });
    expect((await createGrpcClient(definition, open(server.address)).listModels({})).models).toHaveLength(1);
  });

  test("that was closed fails calls and does not throw", async () => {
    const server = await start();
    const channel = open(server.address);
    channel.close();
    await expect(createGrpcClient(definition, channel).listModels({})).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("may be a unix socket, also where a dead process left one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "spillway-rpc-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "inference.sock");
    const listen = () =>
      startGrpcServer({
        host: `unix:${path}`,
        port: 0,
        services: [{ definition, implementation: implement({}) }],
      });
    await listen();
    expect(existsSync(path)).toBe(true);
    const server = await listen();
    closers.push(() => server.drain(0));
    expect((await createGrpcClient(definition, open(server.address)).listModels({})).models).toHaveLength(1);
  });

  test("cannot listen on an address that is taken, and says which, in its error alone", async () => {
    const written = vi.spyOn(console, "error").mockImplementation(() => undefined);
    onTestFinished(() => written.mockRestore());
    const { port } = await start();
    await expect(start({}, port)).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
    expect(written.mock.calls).toEqual([]);
  });
});

test("callers who leave, however many, end no call but their own", async () => {
  const stays = deferred();
  const server = await start({
    async *streamInvoke() {
      yield inferenceV1.StreamInvokeResponse.create();
      await stays.promise;
      yield inferenceV1.StreamInvokeResponse.create();
    },
    invoke: () => new Promise(() => {}),
  });
  const client = createGrpcClient(definition, open(server.address));
  const innocent = client.streamInvoke(streamRequest)[Symbol.asyncIterator]();
  await innocent.next();
  for (let round = 0; round < 30; round += 1) {
    const leaving = new AbortController();
    const calls = Array.from({ length: 100 }, () =>
      client.invoke(inferenceV1.InvokeRequest.create(), { signal: leaving.signal }).catch(({ code }: RpcError) => code),
    );
    await client.listModels({});
    leaving.abort();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["CANCELLED"]));
  }
  stays.resolve();
  expect(await innocent.next()).toMatchObject({ done: false });
});

describe("a client of another make", () => {
  test("sees the status of a stream that fails midway as gRPC has it", async () => {
    const sent = deferred();
    const server = await start({
      async *streamInvoke() {
        yield { event: { $case: "data", value: Buffer.from("a") } };
        await sent.promise;
        throw new RpcError({ code: "ABORTED", reason: "STREAM_BROKEN", message: "brøken" });
      },
    });
    const client = new Client(server.address, credentials.createInsecure());
    closers.push(() => client.close());
    const call = client.makeServerStreamRequest(
      "/spillway.inference.v1.InferenceService/StreamInvoke",
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      Buffer.alloc(0),
    );
    call.on("data", () => sent.resolve());
    const error = await new Promise<ServiceError>((resolve) => call.on("error", resolve));
    expect(error).toMatchObject({ code: 10, details: "brøken" });
    expect(error.metadata.get("grpc-status-details-bin")).toHaveLength(1);
  });

  test("that sends nonsense is told so", async () => {
    const server = await start();
    const client = new Client(server.address, credentials.createInsecure());
    closers.push(() => client.close());
    const error = await new Promise<ServiceError | null>((resolve) =>
      client.makeUnaryRequest(
        "/spillway.inference.v1.InferenceService/Invoke",
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from("ffffffffff", "hex"),
        resolve,
      ),
    );
    expect(error).toMatchObject({ code: 3 });
  });
});

test("a stream whose message cannot be written is left, so that what it holds is free again", async () => {
  const left = deferred();
  const server = await start({
    streamInvoke: () => ({
      [Symbol.asyncIterator]: () => ({
        // Not a buffer: what the wire cannot carry.
        next: async () => ({ done: false, value: { event: { $case: "data", value: 5 as unknown as Buffer } } }),
        return: async () => {
          left.resolve();
          return { done: true, value: undefined };
        },
      }),
    }),
  });
  const client = createGrpcClient(definition, open(server.address));
  const read = async () => {
    for await (const _message of client.streamInvoke(streamRequest)) {
    }
  };
  await expect(read()).rejects.toMatchObject({ code: "INTERNAL" });
  await left.promise;
});

describe("a drain", () => {
  test("lets calls finish, ends endless streams at once, and takes no new call", async () => {
    const begun = deferred();
    const finish = deferred();
    const server = await start({
      listModels: async () => {
        begun.resolve();
        await finish.promise;
        return { models: [], revision: 7n };
      },
      async *streamChatCompletion() {
        yield inferenceV1.StreamChatCompletionResponse.create();
        await new Promise(() => {});
      },
    });
    const client = createGrpcClient(definition, open(server.address));
    const answer = client.listModels({});
    const endless = client.streamChatCompletion({ request: undefined })[Symbol.asyncIterator]();
    await begun.promise;
    await endless.next();
    const drained = server.drain(10_000);
    await expect(endless.next()).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING" });
    finish.resolve();
    await expect(answer).resolves.toEqual({ models: [], revision: 7n });
    await drained;
    await expect(client.listModels({})).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("ends what is not done after the grace with UNAVAILABLE, and tells the implementation", async () => {
    const told = deferred();
    const begun = deferred();
    const server = await start({
      async *streamInvoke(_request, context = {}) {
        context.signal?.addEventListener("abort", () => told.resolve());
        yield { event: { $case: "data", value: Buffer.from("a") } };
        await new Promise(() => {});
      },
      listModels: () => {
        begun.resolve();
        return new Promise(() => {});
      },
    });
    const client = createGrpcClient(definition, open(server.address));
    const stream = client.streamInvoke(streamRequest)[Symbol.asyncIterator]();
    await stream.next();
    const unary = client.listModels({});
    unary.catch(() => undefined);
    await begun.promise;
    const startedAt = performance.now();
    const drained = server.drain(200);
    await expect(stream.next()).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING" });
    await expect(unary).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING" });
    await told.promise;
    await drained;
    expect(performance.now() - startedAt).toBeGreaterThan(150);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test("is done once, however often it is asked for", async () => {
    const server = await start();
    expect(server.drain(1000)).toBe(server.drain(5));
    await server.drain(0);
  });
});

describe("health", () => {
  test("tells of the server and of each service", async () => {
    const server = await start();
    const health = createGrpcClient(HealthDefinition, open(server.address));
    for (const service of ["", definition.fullName]) {
      expect(await health.check({ service })).toEqual({ status: ServingStatus.SERVING });
    }
    expect(await health.list({})).toEqual({
      statuses: { "": { status: ServingStatus.SERVING }, [definition.fullName]: { status: ServingStatus.SERVING } },
    });
    await expect(health.check({ service: "nobody" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    server.setServing(false);
    expect(await health.check({ service: "" })).toEqual({ status: ServingStatus.NOT_SERVING });
  });

  test("tells whoever watches of every change, and of the drain", async () => {
    const server = await start();
    const health = createGrpcClient(HealthDefinition, open(server.address));
    const watch = health.watch({ service: definition.fullName })[Symbol.asyncIterator]();
    expect(await watch.next()).toMatchObject({ value: { status: ServingStatus.SERVING } });
    server.setServing(false);
    expect(await watch.next()).toMatchObject({ value: { status: ServingStatus.NOT_SERVING } });
    server.setServing(true);
    expect(await watch.next()).toMatchObject({ value: { status: ServingStatus.SERVING } });
    const drained = server.drain(5000);
    expect(await watch.next()).toMatchObject({ value: { status: ServingStatus.NOT_SERVING } });
    await expect(watch.next()).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING" });
    await drained;
  });

  test("of a service that is not here is SERVICE_UNKNOWN to whoever watches", async () => {
    const server = await start();
    const health = createGrpcClient(HealthDefinition, open(server.address));
    for await (const { status } of health.watch({ service: "nobody" })) {
      expect(status).toBe(ServingStatus.SERVICE_UNKNOWN);
      break;
    }
  });
});
