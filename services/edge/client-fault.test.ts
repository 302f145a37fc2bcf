import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { exchangeRaw, toRawChat } from "./testing/exchange-raw.ts";
import {
  startTestEdge,
  streamHead,
  type TestEdgeOptions,
  toChatBody,
  toStreamData,
} from "./testing/start-test-edge.ts";
import { untilAborted } from "./testing/until-aborted.ts";

afterEach(() => {
  vi.useRealTimers();
});

const noHttp = "hello\r\n\r\n";
const connectRequest = "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n";

/** An edge whose one stream sends something and goes on until its caller leaves, and that caller's connection. */
async function openStream(options: TestEdgeOptions = {}) {
  const left = Promise.withResolvers<void>();
  const edge = await startTestEdge({
    async *stream({ context }) {
      yield streamHead;
      yield toStreamData("first");
      await untilAborted(context.signal);
      left.resolve();
    },
    ...options,
  });
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(toRawChat(toChatBody({ stream: true })));
  await once(socket, "readable");
  return { edge, socket, left: left.promise };
}

/** What came until the connection was closed, in whatever way. */
async function readAll(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part)).on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(parts).toString();
}

test.each([
  ["what is not HTTP", noHttp],
  ["CONNECT", connectRequest],
])(
  "%s behind a stream under way closes the connection, and nothing is written into the stream",
  async (_name, bytes) => {
    const { socket, left } = await openStream();
    socket.write(bytes);
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n(?!.*HTTP\/1.1).*data: first\n\n\r\n$/s);
    await left;
  },
);

test("a request that stops to arrive behind a stream under way closes the connection, and no 408 is written", async () => {
  const { socket, left } = await openStream({ requestArrivalTimeoutMs: 100 });
  socket.write("GET /healthz HTTP/1.1\r\n");
  expect(await readAll(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n(?!.*HTTP\/1.1).*data: first\n\n\r\n$/s);
  await left;
});

test.each([
  ["what is not HTTP", noHttp, 400, "invalid_http"],
  ["CONNECT", connectRequest, 405, "method_not_allowed"],
] as const)("%s behind a whole answer is answered", async (...[, bytes, status, code]) => {
  const { edge } = await openStream();
  const socket = connect(edge.port, "127.0.0.1");
  socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(socket, "readable");
  socket.write(bytes);
  const answers = await text(socket);
  expect(answers).toMatch(new RegExp(`^HTTP/1.1 200 OK\r\n.*HTTP/1.1 ${status} .*"code":"${code}"`, "s"));
});

test("what is not HTTP behind a whole answer that is still on its way is answered behind it", async () => {
  const body = Buffer.alloc(32 * 1024 * 1024, " ");
  const edge = await startTestEdge({ invoke: async () => ({ body, contentType: "", trail: undefined }) });
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(toRawChat(toChatBody()));
  await once(socket, "readable");
  socket.write(noHttp);
  const answers = await readAll(socket);
  expect(answers.slice(answers.indexOf("\r\n\r\n") + 4 + body.length)).toMatch(
    /^HTTP\/1.1 400 .*"code":"invalid_http"/s,
  );
});

test("CONNECT is 405 in the shape of OpenAI, and the connection is closed", async () => {
  const edge = await startTestEdge();
  const answer = await exchangeRaw(edge.port, connectRequest);
  expect(answer).toMatch(/^HTTP\/1.1 405 Method Not Allowed\r\n/);
  expect(answer).toMatch(/\r\nx-request-id: .*\r\nx-spillway-attempts: 0\r\nallow: .*\r\nconnection: close\r\n\r\n/s);
  expect(JSON.parse(answer.split("\r\n\r\n")[1] ?? "")).toEqual({
    error: {
      message: expect.any(String),
      type: "invalid_request_error",
      param: null,
      code: "method_not_allowed",
    },
  });
});

test("a caller that resets the connection of its CONNECT harms nobody", async () => {
  const edge = await startTestEdge();
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(connectRequest);
  await once(socket, "readable");
  socket.resetAndDestroy();
  await once(socket, "close");
  expect((await fetch(`${edge.url}/healthz`)).status).toBe(200);
});

test.each([
  ["a request that stopped to arrive", "GET /healthz HTTP/1.1\r\n"],
  ["CONNECT", connectRequest],
])("the connection of %s is closed although its caller keeps its side open", async (_name, bytes) => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const edge = await startTestEdge({ requestArrivalTimeoutMs: 50 });
  const socket = connect({ port: edge.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(bytes);
  await once(socket.resume(), "end");
  vi.advanceTimersByTime(2000);
  // Only one that writes learns that nobody is there.
  const knocking = setInterval(() => socket.write("x"), 10);
  onTestFinished(() => {
    clearInterval(knocking);
    socket.destroy();
  });
  await readAll(socket);
});

test("a caller that sends more behind CONNECT and closes its side leaves nothing behind", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const edge = await startTestEdge();
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(connectRequest);
  await once(socket, "readable");
  socket.end("more");
  await readAll(socket);
  await edge.close();
});
