import { once } from "node:events";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { inferenceV1 } from "#contracts";
import type { CallSignal } from "#rpc";
import { toRawChat } from "./testing/exchange-raw.ts";
import {
  postChat,
  startTestEdge,
  streamHead,
  type TestEdge,
  toChatBody,
  toStreamData,
} from "./testing/start-test-edge.ts";
import { untilAborted, untilCancelled } from "./testing/until-aborted.ts";

type StreamEvent = inferenceV1.StreamInvokeResponse;

const streamBody = toChatBody({ stream: true });

test("requests that run are finished, and new connections are refused", async () => {
  const answer = Promise.withResolvers<void>();
  const edge = await startTestEdge({
    invoke: async () => {
      await answer.promise;
      return { body: Buffer.from("{}"), contentType: "application/json", trail: undefined };
    },
  });
  const running = postChat(edge.url, toChatBody());
  await expect.poll(() => edge.calls).toHaveLength(1);
  const drained = edge.drain(10_000);
  await expect(postChat(edge.url, toChatBody())).rejects.toThrow();
  answer.resolve();
  const response = await running;
  expect(response.status).toBe(200);
  expect(response.headers.get("connection")).toBe("close");
  await drained;
});

test("an answer that is still on its way to a slow caller arrives whole", async () => {
  const length = 32 * 1024 * 1024;
  const edge = await startTestEdge({
    invoke: async () => ({ body: Buffer.alloc(length), contentType: "application/json", trail: undefined }),
  });
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${toChatBody().length}\r\n\r\n`);
  socket.write(toChatBody());
  await once(socket, "readable");
  const drained = edge.drain(10_000);
  const answer = await buffer(socket);
  expect(answer.length - answer.indexOf("\r\n\r\n")).toBe(length + 4);
  await drained;
  expect(edge.logLines.at(-1)).toMatchObject({ fields: { cutOff: 0 } });
});

test("a request whose headers come in while the edge drains is told 503 and to close", async () => {
  const edge = await startTestEdge();
  const socket = connect(edge.port, "127.0.0.1").setEncoding("utf8");
  socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n");
  await postChat(edge.url, toChatBody());
  const drained = edge.drain(10_000);
  const answer = new Promise<string>((resolve) => socket.once("data", resolve));
  socket.write("\r\n");
  expect(await answer).toMatch(/^HTTP\/1.1 503 .*connection: close.*"code":"draining"/s);
  await drained;
});

test("what still runs after the grace is cancelled and told so", async () => {
  const cancelled = vi.fn();
  const edge = await startTestEdge({
    invoke: ({ context }) => untilCancelled(context.signal).finally(cancelled),
    async *stream({ context }) {
      yield streamHead;
      yield toStreamData("{}");
      await untilCancelled(context.signal).finally(cancelled);
    },
  });
  const unary = postChat(edge.url, toChatBody());
  const stream = await postChat(edge.url, streamBody);
  await expect.poll(() => edge.calls).toHaveLength(2);
  await edge.drain(50);
  expect(cancelled).toHaveBeenCalledTimes(2);
  expect((await unary).status).toBe(503);
  expect(await (await unary).json()).toMatchObject({ error: { code: "draining" } });
  expect(await stream.text()).toMatch(/data: \{\}\n\ndata: \{"error":.*"code":"draining".*\}\n\n$/);
  expect(edge.logLines.at(-1)).toMatchObject({ fields: { cutOff: 2 } });
});

test("an idle edge drains at once, twice if asked", async () => {
  const edge = await startTestEdge();
  await (await postChat(edge.url, toChatBody())).text();
  const startedAtMs = performance.now();
  await Promise.all([edge.drain(10_000), edge.drain(10_000), edge.close()]);
  expect(performance.now() - startedAtMs).toBeLessThan(2_000);
});

test("a connection on which nothing was asked does not hold the drain up", async () => {
  const edge = await startTestEdge();
  const socket = connect(edge.port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await postChat(edge.url, toChatBody());
  const startedAtMs = performance.now();
  await edge.drain(10_000);
  await closed;
  expect(performance.now() - startedAtMs).toBeLessThan(5000);
});

const faultsOf = (edge: TestEdge) => edge.logLines.filter(({ level }) => level === "error");

test("an answer that comes although its request was cut off is dropped, and is no fault", async () => {
  const edge = await startTestEdge({
    invoke: async ({ context }) => {
      await untilAborted(context.signal);
      return { body: Buffer.from("{}"), contentType: "application/json", trail: undefined };
    },
  });
  const running = postChat(edge.url, toChatBody());
  await expect.poll(() => edge.calls).toHaveLength(1);
  await edge.drain(0);
  expect((await running).status).toBe(503);
  await setImmediate();
  expect(faultsOf(edge)).toEqual([]);
});

const late = [toStreamData("late"), toStreamData("later")];

test.each([
  ["its head", [], [streamHead, ...late]],
  ["further data", [streamHead, toStreamData("in time")], late],
  ["its end", [streamHead, toStreamData("in time")], []],
])("a stream that brings %s although it was cut off is left, and is no fault", async (...[, before, after]) => {
  const left = Promise.withResolvers<void>();
  async function* deaf(signal: CallSignal | undefined): AsyncIterable<StreamEvent> {
    yield* before;
    await untilAborted(signal);
    try {
      yield* after;
    } finally {
      left.resolve();
    }
  }
  // Nobody reads the first answer: the second one, behind it on the connection, stays open when it has ended.
  async function* unread(signal: CallSignal | undefined): AsyncIterable<StreamEvent> {
    yield streamHead;
    yield toStreamData("x".repeat(16 * 1024 * 1024));
    await untilAborted(signal);
  }
  const edge = await startTestEdge({
    stream: ({ context: { signal } }) => (edge.calls.length === 1 ? unread(signal) : deaf(signal)),
  });
  const socket = connect(edge.port, "127.0.0.1").pause();
  socket.write(toRawChat(streamBody).repeat(2));
  await expect.poll(() => edge.calls).toHaveLength(2);
  await edge.drain(50);
  await left.promise;
  await setImmediate();
  expect(faultsOf(edge)).toEqual([]);
  socket.destroy();
  await once(socket, "close");
});
