import { connect } from "node:net";
import { expect, test } from "vitest";
import type { inferenceV1 } from "#contracts";
import {
  createRoutingError,
  postChat,
  startTestEdge,
  streamHead,
  toChatBody,
  toStreamData,
  toTextChunk,
} from "./testing/start-test-edge.ts";
import { untilCancelled } from "./testing/until-aborted.ts";

const streamBody = toChatBody({ stream: true });

test("a stream comes as it was sent, with its headers and the trail as known at commit", async () => {
  const edge = await startTestEdge();
  const response = await postChat(edge.url, streamBody);
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-spillway-target": "anthropic/claude",
    "x-spillway-attempts": "2",
    "x-spillway-trail": expect.stringContaining("SERVED"),
  });
  const text = await response.text();
  expect(text.split("\n\n").filter(Boolean)).toHaveLength(3);
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("nothing is sent before the commit, so a failure before it has its own status", async () => {
  const edge = await startTestEdge({
    // biome-ignore lint/correctness/useYield: this stream fails before its first event.
    async *stream() {
      throw createRoutingError({
        code: "DEADLINE_EXCEEDED",
        reason: "DEADLINE_EXCEEDED",
        message: "Too late.",
        metadata: { http_status: "504" },
      });
    },
  });
  const response = await postChat(edge.url, streamBody);
  expect(response.status).toBe(504);
  expect(response.headers.get("content-type")).toContain("application/json");
  expect(await response.json()).toMatchObject({ error: { code: "deadline_exceeded", attempts: [{ index: 1 }] } });
});

test("a stream that breaks ends with an error event, and neither [DONE] nor a named event", async () => {
  const edge = await startTestEdge({
    async *stream() {
      yield streamHead;
      yield toStreamData(toTextChunk("Hel"));
      throw createRoutingError({
        code: "UNAVAILABLE",
        reason: "STREAM_BROKEN",
        message: "The provider's stream broke.",
        metadata: { class: "PROVIDER_STREAM_TRUNCATED" },
      });
    },
  });
  const response = await postChat(edge.url, streamBody);
  expect(response.status).toBe(200);
  const events = (await response.text()).split("\n\n").filter(Boolean);
  expect(events).toHaveLength(2);
  expect(JSON.parse(events[1]?.replace(/^data: /, "") ?? "")).toMatchObject({
    error: { message: "The provider's stream broke.", type: "server_error", param: null, code: "stream_broken" },
  });
  await expect
    .poll(() => edge.logLines.at(-1))
    .toMatchObject({ level: "info", fields: { status: 200, failure: "stream_broken" } });
});

test.each([
  ["data before its head", [toStreamData(toTextChunk("x"))]],
  ["an end before its head", []],
])("a stream with %s is a fault of ours, told as 500", async (_name, events) => {
  const edge = await startTestEdge({
    async *stream() {
      yield* events;
    },
  });
  expect((await postChat(edge.url, streamBody)).status).toBe(500);
});

test("the head and the first data leave in one write", async () => {
  const edge = await startTestEdge({
    async *stream({ context }) {
      yield streamHead;
      yield toStreamData(toTextChunk("first"));
      await untilCancelled(context.signal);
    },
  });
  const socket = connect(edge.port, "127.0.0.1");
  const length = Buffer.byteLength(streamBody);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${streamBody}`,
  );
  const first = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
  socket.destroy();
  expect(first.toString()).toMatch(/^HTTP\/1.1 200 OK\r\n.*first/s);
});

test("the head is sent at commit even when the first data is late", async () => {
  const first = Promise.withResolvers<void>();
  const edge = await startTestEdge({
    async *stream() {
      yield streamHead;
      await first.promise;
      yield toStreamData("[DONE]");
    },
  });
  const response = await postChat(edge.url, streamBody);
  expect(response.headers.get("x-spillway-target")).toBe("anthropic/claude");
  first.resolve();
  expect(await response.text()).toBe("data: [DONE]\n\n");
});

test("a caller that leaves mid-stream cancels the call at once", async () => {
  const cancelled = Promise.withResolvers<number>();
  const edge = await startTestEdge({
    async *stream({ context }) {
      yield streamHead;
      yield toStreamData(toTextChunk("Hel"));
      await untilCancelled(context.signal).catch((error: unknown) => {
        cancelled.resolve(performance.now());
        throw error;
      });
    },
  });
  const leaving = new AbortController();
  const response = await fetch(`${edge.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: streamBody,
    signal: leaving.signal,
  });
  await response.body?.getReader().read();
  const leftAtMs = performance.now();
  leaving.abort();
  expect((await cancelled.promise) - leftAtMs).toBeLessThan(1000);
});

test("a slow reader is waited for, and a reader that leaves meanwhile ends the stream", async () => {
  const chunk = toStreamData("x".repeat(64 * 1024));
  let pulled = 0;
  let isLeft = false;
  async function* endless(): AsyncIterable<inferenceV1.StreamInvokeResponse> {
    try {
      yield streamHead;
      for (;;) {
        pulled += 1;
        yield chunk;
      }
    } finally {
      isLeft = true;
    }
  }
  const edge = await startTestEdge({ stream: endless });
  const socket = connect(edge.port, "127.0.0.1");
  socket.pause();
  const length = Buffer.byteLength(streamBody);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${streamBody}`,
  );
  let before = -1;
  // The kernel takes some megabytes; then nothing is pulled any more.
  const isStill = () => {
    const isUnchanged = pulled > 0 && pulled === before;
    before = pulled;
    return isUnchanged;
  };
  await expect.poll(isStill, { interval: 200 }).toBe(true);
  expect(pulled).toBeLessThan(1000);
  expect(isLeft).toBe(false);
  socket.resume();
  await expect.poll(() => pulled).toBeGreaterThan(before + 100);
  socket.destroy();
  await expect.poll(() => isLeft).toBe(true);
});
