import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { inferenceV1 } from "#contracts";
import type { Backlog } from "./backlog.ts";
import { toRawChat } from "./testing/exchange-raw.ts";
import {
  createRoutingError,
  startTestEdge,
  streamHead,
  type TestEdge,
  toChatBody,
  toStreamData,
} from "./testing/start-test-edge.ts";
import { untilCancelled } from "./testing/until-aborted.ts";
import { watchUnreadAnswers } from "./unread-answers.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

const large = Buffer.alloc(32 * 1024 * 1024);
const finishedOf = (edge: TestEdge) => edge.logLines.filter(({ message }) => message.startsWith("request f"));

/** Sends a request and reads nothing of the answer, whose head has come when this settles. */
async function askAndStop(edge: TestEdge, members: object) {
  const socket = connect(edge.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(toRawChat(toChatBody(members)));
  await once(socket, "readable");
  return socket;
}

/** What a watch of 60 s over one answer did, by what waited at each sweep. */
function countAbandoned(backlogs: Iterable<Backlog | undefined>): number {
  const abandon = vi.fn();
  let backlog: Backlog | undefined;
  const stop = watchUnreadAnswers([{ readBacklog: () => backlog, abandon }], 60_000);
  for (backlog of backlogs) {
    vi.advanceTimersByTime(5000);
  }
  stop();
  expect(vi.getTimerCount()).toBe(0);
  return abandon.mock.calls.length;
}

const still: Backlog = { doneBytes: 10, queuedBytes: 50 };

test("an answer is abandoned once nothing of it was taken for the whole of the limit", () => {
  expect(countAbandoned(Array(12).fill(still))).toBe(0);
  expect(countAbandoned(Array(13).fill(still))).toBe(1);
});

test("an answer that is only quiet, or whose caller takes a little each time, is left", () => {
  expect(countAbandoned(Array(1000))).toBe(0);
  const taken = Array.from({ length: 1000 }, (_, index) => ({
    doneBytes: 10,
    queuedBytes: 5000 - Math.floor(index / 10),
  }));
  expect(countAbandoned(taken)).toBe(0);
  const through = Array.from({ length: 1000 }, (_, index) => ({ doneBytes: Math.floor(index / 10), queuedBytes: 50 }));
  expect(countAbandoned(through)).toBe(0);
});

test("time in which nothing waited does not count", () => {
  const next: Backlog = { doneBytes: 60, queuedBytes: 50 };
  expect(countAbandoned([...Array(10).fill(still), ...Array(100), ...Array(10).fill(next)])).toBe(0);
});

test("a whole answer that nobody takes for two minutes is closed, as one whose caller left", async () => {
  const edge = await startTestEdge({
    invoke: async () => ({ body: large, contentType: "application/json", trail: undefined }),
  });
  await askAndStop(edge, {});
  vi.advanceTimersByTime(120_000);
  // That one and the one that asks.
  expect(await (await fetch(`${edge.url}/metrics`)).text()).toMatch(/^http_server_active_requests 2$/m);
  vi.advanceTimersByTime(130_000);
  await expect
    .poll(() => finishedOf(edge))
    .toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ endpoint: "chat", status: 200, callerLeft: true }) }),
    );
});

test("an edge that is closed watches no more", async () => {
  const edge = await startTestEdge();
  expect(vi.getTimerCount()).toBe(1);
  await edge.close();
  expect(vi.getTimerCount()).toBe(0);
});

test("a running stream whose reader stopped is closed, and its call cancelled", async () => {
  const left = Promise.withResolvers<void>();
  async function* endless(): AsyncIterable<inferenceV1.StreamInvokeResponse> {
    try {
      yield streamHead;
      for (;;) {
        yield toStreamData("x".repeat(1024 * 1024));
      }
    } finally {
      left.resolve();
    }
  }
  const edge = await startTestEdge({ stream: endless });
  await askAndStop(edge, { stream: true });
  // The kernel takes some megabytes first.
  await expect
    .poll(() => {
      vi.advanceTimersByTime(130_000);
      return finishedOf(edge);
    })
    .toMatchObject([{ fields: { status: 200, callerLeft: true } }]);
  await left.promise;
});

test("a stream that broke while its reader had stopped is closed, although its last words wait", async () => {
  const edge = await startTestEdge({
    async *stream() {
      yield streamHead;
      throw createRoutingError({ code: "UNAVAILABLE", reason: "STREAM_BROKEN", message: "x".repeat(large.length) });
    },
    unreadTimeoutMs: 10_000,
  });
  await askAndStop(edge, { stream: true });
  await expect
    .poll(() => {
      vi.advanceTimersByTime(20_000);
      return finishedOf(edge);
    })
    .toMatchObject([{ fields: { status: 200, callerLeft: true, failure: "stream_broken" } }]);
});

test("a stream that is quiet for an hour goes on, and so does a body that is slow to come", async () => {
  const next = Promise.withResolvers<void>();
  const edge = await startTestEdge({
    async *stream({ context }) {
      yield streamHead;
      yield toStreamData("first");
      await Promise.race([next.promise, untilCancelled(context.signal)]);
      yield toStreamData("last");
    },
  });
  const quiet = await askAndStop(edge, { stream: true });
  const upload = connect(edge.port, "127.0.0.1").setEncoding("utf8");
  const request = toRawChat(toChatBody());
  upload.write(request.slice(0, -10));
  await expect
    .poll(async () => (await fetch(`${edge.url}/metrics`)).text())
    .toMatch(/^http_server_active_requests 3$/m);
  vi.advanceTimersByTime(3_600_000);
  next.resolve();
  upload.write(request.slice(-10));
  const [answer] = await once(upload, "data");
  expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  let received = "";
  quiet.setEncoding("utf8").on("data", (part: string) => {
    received += part;
  });
  await expect.poll(() => received).toMatch(/data: first\n\n.*data: last\n\n/s);
  upload.destroy();
  quiet.destroy();
});
