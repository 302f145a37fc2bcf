import { setTimeout } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { configV1, googleRpc, inferenceV1 } from "#contracts";
import {
  type CallContext,
  createGrpcChannel,
  createGrpcClient,
  createInProcessClient,
  invalidFields,
  RpcError,
  type Service,
  startGrpcServer,
} from "#rpc";

type Inference = Service<inferenceV1.InferenceServiceDefinition>;
const definition = inferenceV1.InferenceServiceDefinition;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

/** An implementation whose methods all fail, but for the ones that a test brings. */
function implement(methods: Partial<Inference>): Inference {
  const missing = async (): Promise<never> => {
    throw new RpcError({ code: "UNIMPLEMENTED", reason: "INTERNAL", message: "not part of this test" });
  };
  async function* missingStream(): AsyncGenerator<never> {
    yield await missing();
  }
  return {
    invoke: missing,
    streamInvoke: missingStream,
    chatCompletion: missing,
    streamChatCompletion: missingStream,
    listModels: missing,
    ...methods,
  };
}

const transports = {
  "in-process": async (methods: Partial<Inference>, onUnexpectedError = vi.fn()) =>
    createInProcessClient(definition, implement(methods), { onUnexpectedError }),
  grpc: async (methods: Partial<Inference>, onUnexpectedError = vi.fn()) => {
    const services = [{ definition, implementation: implement(methods) }] as const;
    const server = await startGrpcServer({ host: "127.0.0.1", port: 0, services, onUnexpectedError });
    const channel = createGrpcChannel({ address: server.address });
    closers.push(async () => {
      channel.close();
      await server.drain(0);
    });
    // A deadline is to measure the call, not the connect.
    await expect.poll(() => channel.isConnected()).toBe(true);
    return createGrpcClient(definition, channel);
  },
};

function deferred(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}

function modelNamed(name: string): inferenceV1.ListModelsResponse {
  return { models: [{ name, createdAt: 1n, description: "" }], revision: 7n };
}

function dataEvent(text: string): inferenceV1.StreamInvokeResponse {
  return { event: { $case: "data", value: Buffer.from(text) } };
}

function textOf(message: inferenceV1.StreamInvokeResponse): string {
  return message.event?.$case === "data" ? message.event.value.toString() : "";
}

const streamRequest = inferenceV1.StreamInvokeRequest.fromPartial({ endpoint: "chat" });

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("the call succeeded");
    },
    (error: unknown) => error,
  );
}

async function collect(stream: AsyncIterable<inferenceV1.StreamInvokeResponse>): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of stream) {
    texts.push(textOf(message));
  }
  return texts;
}

describe.each(["in-process", "grpc"] as const)("a call over %s", (transport) => {
  const connect = transports[transport];

  describe("unary", () => {
    test("answers, and the implementation sees the metadata", async () => {
      let seen: CallContext = {};
      const client = await connect({
        listModels: async (_request, context = {}) => {
          seen = context;
          return modelNamed("chat");
        },
      });
      const answer = await client.listModels({}, { metadata: { authorization: "Bearer key" } });
      expect(answer).toEqual(modelNamed("chat"));
      expect(seen.metadata).toMatchObject({ authorization: "Bearer key" });
    });

    test("keeps request and answer as they are", async () => {
      const client = await connect({
        invoke: async (request) => Object.freeze({ body: request.body, contentType: "text/plain", trail: undefined }),
      });
      const request = Object.freeze({
        endpoint: "chat",
        dialect: inferenceV1.Dialect.OPENAI_CHAT,
        body: Buffer.from("hello"),
        headers: Object.freeze({ "openai-beta": "x" }),
      });
      expect((await client.invoke(request)).body.toString()).toBe("hello");
    });

    test("refuses metadata that could not travel, without showing it", async () => {
      const client = await connect({ listModels: async () => modelNamed("chat") });
      const error = await failureOf(client.listModels({}, { metadata: { authorization: "Bearer kéy" } }));
      expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
      expect(String(error)).toContain("metadata.authorization");
      expect(String(error)).not.toContain("kéy");
    });

    test.each(["Authorization", "grpc-timeout", "trace-bin", "two words", ""])(
      "refuses the metadata key %j, which could not travel",
      async (key) => {
        const listModels = vi.fn();
        const client = await connect({ listModels });
        expect(await failureOf(client.listModels({}, { metadata: { [key]: "hunter2" } }))).toMatchObject({
          code: "INVALID_ARGUMENT",
          message: `metadata.${key}: is not a key that metadata may have`,
        });
        expect(listModels).not.toHaveBeenCalled();
      },
    );

    test("carries 64 MiB both ways", async () => {
      const client = await connect({
        invoke: async ({ body }) => ({ body, contentType: "", trail: undefined }),
      });
      const body = Buffer.alloc(64 * 1024 * 1024, "x");
      const answer = await client.invoke({ endpoint: "chat", dialect: 1, body, headers: { a: "b".repeat(1000) } });
      expect(answer.body.equals(body)).toBe(true);
    });
  });

  describe("errors", () => {
    test("a typed error arrives with reason, metadata and details", async () => {
      const client = await connect({
        listModels: async () => {
          throw invalidFields([{ field: "endpoint.name", description: "must not be empty" }]);
        },
      });
      const error = await failureOf(client.listModels({}));
      expect(error).toBeInstanceOf(RpcError);
      const failure = error as RpcError;
      expect(failure).toMatchObject({
        code: "INVALID_ARGUMENT",
        reason: "INVALID_FIELD",
        message: "endpoint.name: must not be empty",
        metadata: { field: "endpoint.name" },
      });
      expect(failure.detail("google.rpc.BadRequest", googleRpc.BadRequest)?.fieldViolations).toMatchObject([
        { field: "endpoint.name", description: "must not be empty" },
      ]);
    });

    test("a bug becomes INTERNAL, its message is hidden, and the log hears of it", async () => {
      const onUnexpectedError = vi.fn();
      const bug = new TypeError("password=hunter2");
      const client = await connect(
        {
          listModels: async () => {
            throw bug;
          },
        },
        onUnexpectedError,
      );
      const error = (await failureOf(client.listModels({}))) as RpcError;
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ code: "INTERNAL", reason: "INTERNAL", message: "internal error" });
      expect(error.cause).toBeUndefined();
      expect(onUnexpectedError.mock.calls).toEqual([[bug, "spillway.inference.v1.InferenceService/ListModels"]]);
    });

    test("a bug that is thrown at once is hidden too", async () => {
      const client = await connect({
        listModels: () => {
          throw new TypeError("secret");
        },
        streamInvoke: () => {
          throw new TypeError("secret");
        },
      });
      expect(await failureOf(client.listModels({}))).toMatchObject({ code: "INTERNAL", message: "internal error" });
      expect(await failureOf(collect(client.streamInvoke(streamRequest)))).toMatchObject({
        code: "INTERNAL",
        message: "internal error",
      });
    });
  });

  describe("streams", () => {
    test("arrive in order and end", async () => {
      const client = await connect({
        async *streamInvoke() {
          for (let index = 0; index < 200; index++) {
            yield dataEvent(`${index}`);
          }
        },
      });
      expect(await collect(client.streamInvoke(streamRequest))).toEqual(
        Array.from({ length: 200 }, (_, index) => `${index}`),
      );
    });

    test("that fail before their first message fail with the typed error", async () => {
      const client = await connect({
        // biome-ignore lint/correctness/useYield: it fails before it can.
        async *streamInvoke() {
          throw new RpcError({
            code: "NOT_FOUND",
            reason: "ENDPOINT_NOT_FOUND",
            message: "no endpoint",
            metadata: { endpoint: "chat" },
          });
        },
      });
      expect(await failureOf(collect(client.streamInvoke(streamRequest)))).toMatchObject({
        code: "NOT_FOUND",
        reason: "ENDPOINT_NOT_FOUND",
        metadata: { endpoint: "chat" },
      });
    });

    test("that fail midway keep every message from before, for a slow reader as well", async () => {
      const client = await connect({
        async *streamInvoke() {
          for (let index = 0; index < 20; index++) {
            yield dataEvent(`${index}`);
          }
          throw new RpcError({ code: "ABORTED", reason: "STREAM_BROKEN", message: "broken" });
        },
      });
      const texts: string[] = [];
      const read = async () => {
        for await (const message of client.streamInvoke(streamRequest)) {
          texts.push(textOf(message));
          if (texts.length === 3) {
            await setTimeout(50);
          }
        }
      };
      expect(await failureOf(read())).toMatchObject({ code: "ABORTED", reason: "STREAM_BROKEN" });
      expect(texts).toHaveLength(20);
    });

    test("give one message for each of several reads that were made at once", async () => {
      const client = await connect({
        async *streamInvoke() {
          yield dataEvent("a");
          yield dataEvent("b");
        },
      });
      const iterator = client.streamInvoke(streamRequest)[Symbol.asyncIterator]();
      const results = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
      expect(results.map(({ done = false, value }) => (done ? "done" : textOf(value)))).toEqual([
        "a",
        "b",
        "done",
        "done",
      ]);
    });

    test("that nobody reads never begin", async () => {
      const streamInvoke = vi.fn();
      const client = await connect({ streamInvoke, listModels: async () => modelNamed("chat") });
      client.streamInvoke(streamRequest);
      await client.listModels({});
      expect(streamInvoke).not.toHaveBeenCalled();
    });
  });

  describe("deadlines", () => {
    test("end a call whose implementation does not listen", async () => {
      const hang = deferred();
      const client = await connect({
        listModels: async () => {
          await hang.promise;
          return modelNamed("late");
        },
      });
      const startedAt = performance.now();
      const error = await failureOf(client.listModels({}, { deadlineAtMs: Date.now() + 100 }));
      expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" });
      expect(performance.now() - startedAt).toBeLessThan(1000);
      hang.resolve();
    });

    test("end a stream whose implementation does not listen", async () => {
      const hang = deferred();
      const client = await connect({
        async *streamInvoke() {
          yield dataEvent("first");
          await hang.promise;
        },
      });
      const texts: string[] = [];
      const read = async () => {
        for await (const message of client.streamInvoke(streamRequest, { deadlineAtMs: Date.now() + 500 })) {
          texts.push(textOf(message));
        }
      };
      expect(await failureOf(read())).toMatchObject({ code: "DEADLINE_EXCEEDED" });
      expect(texts).toEqual(["first"]);
      hang.resolve();
    });

    test("reach the implementation, which is told when they pass", async () => {
      const aborted = deferred();
      let seen: CallContext = {};
      const client = await connect({
        listModels: async (_request, context = {}) => {
          seen = context;
          context.signal?.addEventListener("abort", () => aborted.resolve());
          await aborted.promise;
          return modelNamed("late");
        },
      });
      const deadlineAtMs = Date.now() + 500;
      expect(await failureOf(client.listModels({}, { deadlineAtMs }))).toMatchObject({ code: "DEADLINE_EXCEEDED" });
      await aborted.promise;
      // gRPC sends what is left, so the way there moves the deadline.
      expect(Math.abs((seen.deadlineAtMs ?? 0) - deadlineAtMs)).toBeLessThan(1000);
    });

    test("that have passed fail the call before it is made", async () => {
      const listModels = vi.fn();
      const client = await connect({ listModels });
      const error = await failureOf(client.listModels({}, { deadlineAtMs: Date.now() - 1 }));
      expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
      expect(listModels).not.toHaveBeenCalled();
    });

    test("that are years away do not fire at once", async () => {
      const client = await connect({
        listModels: async () => {
          await setTimeout(20);
          return modelNamed("chat");
        },
      });
      const deadlineAtMs = Date.now() + 400 * 24 * 3600 * 1000;
      expect((await client.listModels({}, { deadlineAtMs })).models).toHaveLength(1);
    });
  });

  describe("cancellation", () => {
    test("by the caller settles the call at once and reaches the implementation", async () => {
      const begun = deferred();
      const told = deferred();
      const hang = deferred();
      const client = await connect({
        listModels: async (_request, context = {}) => {
          context.signal?.addEventListener("abort", () => told.resolve());
          begun.resolve();
          await hang.promise;
          return modelNamed("late");
        },
      });
      const controller = new AbortController();
      const failure = failureOf(client.listModels({}, { signal: controller.signal }));
      await begun.promise;
      controller.abort();
      expect(await failure).toMatchObject({ code: "CANCELLED", reason: "CANCELLED" });
      await told.promise;
      hang.resolve();
    });

    test("before the call fails it without making it", async () => {
      const listModels = vi.fn();
      const client = await connect({ listModels });
      const error = await failureOf(client.listModels({}, { signal: AbortSignal.abort() }));
      expect(error).toMatchObject({ code: "CANCELLED" });
      expect(listModels).not.toHaveBeenCalled();
    });

    test("before the first read of a stream fails it without making it", async () => {
      const streamInvoke = vi.fn();
      const client = await connect({ streamInvoke });
      const stream = client.streamInvoke(streamRequest, { signal: AbortSignal.abort() });
      expect(await failureOf(collect(stream))).toMatchObject({ code: "CANCELLED" });
      expect(streamInvoke).not.toHaveBeenCalled();
    });

    test("after which the implementation cannot clean up is a bug that the log hears of", async () => {
      const onUnexpectedError = vi.fn();
      const bug = new TypeError("no such handle");
      const client = await connect(
        {
          async *streamInvoke() {
            try {
              for (;;) {
                yield dataEvent("more");
              }
            } finally {
              // biome-ignore lint/correctness/noUnsafeFinally: it stands for a bug.
              throw bug;
            }
          },
        },
        onUnexpectedError,
      );
      for await (const _message of client.streamInvoke(streamRequest)) {
        break;
      }
      const methodName = "spillway.inference.v1.InferenceService/StreamInvoke";
      await expect.poll(() => onUnexpectedError.mock.calls).toEqual([[bug, methodName]]);
    });

    test("of a stream under way reaches the implementation", async () => {
      const told = deferred();
      const hang = deferred();
      const client = await connect({
        async *streamInvoke(_request, context = {}) {
          context.signal?.addEventListener("abort", () => told.resolve());
          yield dataEvent("first");
          await hang.promise;
        },
      });
      const controller = new AbortController();
      const read = async () => {
        for await (const _message of client.streamInvoke(streamRequest, { signal: controller.signal })) {
          controller.abort();
        }
      };
      expect(await failureOf(read())).toMatchObject({ code: "CANCELLED" });
      await told.promise;
      hang.resolve();
    });

    test("by leaving the loop reaches the implementation and lets it clean up", async () => {
      const told = deferred();
      const cleaned = deferred();
      const client = await connect({
        async *streamInvoke(_request, context = {}) {
          context.signal?.addEventListener("abort", () => told.resolve());
          try {
            for (let index = 0; ; index++) {
              yield dataEvent(`${index}`);
            }
          } finally {
            cleaned.resolve();
          }
        },
      });
      for await (const message of client.streamInvoke(streamRequest)) {
        if (textOf(message) === "3") {
          break;
        }
      }
      await told.promise;
      await cleaned.promise;
    });

    test("that the implementation answers with an AbortError is no bug", async () => {
      const onUnexpectedError = vi.fn();
      const begun = deferred();
      const ended = deferred();
      const client = await connect(
        {
          listModels: async (_request, context = {}) => {
            begun.resolve();
            try {
              await new Promise<never>((_resolve, reject) => {
                context.signal?.addEventListener("abort", () => reject(new DOMException("gone", "AbortError")));
              });
            } finally {
              ended.resolve();
            }
            return modelNamed("late");
          },
        },
        onUnexpectedError,
      );
      const controller = new AbortController();
      const failure = failureOf(client.listModels({}, { signal: controller.signal }));
      await begun.promise;
      controller.abort();
      expect(await failure).toMatchObject({ code: "CANCELLED" });
      await ended.promise;
      await setTimeout(0);
      expect(onUnexpectedError).not.toHaveBeenCalled();
    });

    test("leaves no listener on the caller's signal", async () => {
      const client = await connect({
        listModels: async () => modelNamed("chat"),
        async *streamInvoke() {
          yield dataEvent("a");
        },
      });
      const { signal } = new AbortController();
      const added = vi.spyOn(signal, "addEventListener");
      const removed = vi.spyOn(signal, "removeEventListener");
      await client.listModels({}, { signal });
      await collect(client.streamInvoke(streamRequest, { signal }));
      expect(added.mock.calls.length).toBeGreaterThan(0);
      for (const [type, listener] of added.mock.calls) {
        expect(removed).toHaveBeenCalledWith(type, listener);
      }
    });
  });

  describe("back-pressure", () => {
    test("a slow reader bounds what the implementation makes", async () => {
      let made = 0;
      const client = await connect({
        async *streamInvoke() {
          const data = Buffer.alloc(32 * 1024);
          for (; made < 2000; made++) {
            yield { event: { $case: "data" as const, value: data } };
          }
        },
      });
      const iterator = client.streamInvoke(streamRequest)[Symbol.asyncIterator]();
      await iterator.next();
      let before = -1;
      while (before !== made) {
        before = made;
        await setTimeout(100);
      }
      // 64 MB would be made without back-pressure; buffers on the way may hold a few MB.
      expect(made).toBeLessThan(200);
      let read = 1;
      while ((await iterator.next()).done !== true) {
        read++;
      }
      expect(read).toBe(2000);
    });
  });
});

test("an implementation that lacks a method is refused when the client is made", () => {
  const incomplete = {} as Service<configV1.ConfigServiceDefinition>;
  expect(() => createInProcessClient(configV1.ConfigServiceDefinition, incomplete)).toThrow(/lacks the method/);
});
