import { request as httpRequest, type IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { googleRpc } from "#contracts";
import { type CallSignal, RpcError } from "#rpc";
import { createRoutingError, postChat, startTestEdge, toChatBody } from "./testing/start-test-edge.ts";

async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const body = (await response.json()) as { error: Record<string, unknown> };
  return body.error;
}

test("a request goes on as it came and its answer comes back with the trail", async () => {
  const edge = await startTestEdge();
  const body = toChatBody({ unknown_field: [1.0, { deep: "é" }] });
  const response = await postChat(edge.url, body, {
    authorization: "Bearer sk-1",
    cookie: "a=b",
    "x-request-id": "call-1",
    "x-team": "blue",
    "openai-beta": "x",
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: "Hello" } }] });
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "application/json",
    "x-request-id": "call-1",
    "x-spillway-endpoint": "chat",
    "x-spillway-revision": "7",
    "x-spillway-target": "anthropic/claude",
    "x-spillway-attempts": "2",
    "x-spillway-trail":
      "1 openai/gpt-4o primary PROVIDER_RATE_LIMITED 429 412ms next, 2 anthropic/claude fallback SERVED 200 903ms",
    "x-mlflow-gateway-duration-ms": expect.stringMatching(/^\d+(\.\d)?$/),
    "x-mlflow-gateway-overhead-duration-ms": expect.stringMatching(/^\d+(\.\d)?$/),
  });
  const [call] = edge.calls;
  expect(call?.request.endpoint).toBe("chat");
  expect(call?.request.body.toString()).toBe(body);
  expect(call?.request.headers).toMatchObject({ "x-request-id": "call-1", "x-team": "blue", "openai-beta": "x" });
  expect(call?.request.headers).not.toHaveProperty("authorization");
  expect(call?.request.headers).not.toHaveProperty("cookie");
  expect(call?.request.headers).not.toHaveProperty("connection");
  expect(call?.context.metadata).toEqual({ authorization: "Bearer sk-1" });
});

test("a key in x-api-key counts as a bearer token and stays out of the headers", async () => {
  const edge = await startTestEdge();
  await postChat(edge.url, toChatBody(), { "x-api-key": "sk-2" });
  expect(edge.calls[0]?.context.metadata).toEqual({ authorization: "Bearer sk-2" });
  expect(edge.calls[0]?.request.headers).not.toHaveProperty("x-api-key");
});

test.each([10, 16 * 1024, 16 * 1024 + 1, 3_000_000])("an answer of %d bytes comes byte for byte", async (length) => {
  const body = Buffer.alloc(length, "é€\u{1f600}");
  const edge = await startTestEdge({ invoke: async () => ({ body, contentType: "", trail: undefined }) });
  const response = await postChat(edge.url, toChatBody());
  expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
});

test("a request id that is not acceptable is replaced, and routing learns the new one", async () => {
  const edge = await startTestEdge();
  const response = await postChat(edge.url, toChatBody(), { "x-request-id": "not acceptable!" });
  const id = response.headers.get("x-request-id");
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(edge.calls[0]?.request.headers["x-request-id"]).toBe(id);
});

test.each([
  ["not JSON", "{", null],
  ["not an object", "[]", null],
  ["no body", "", null],
  ["without a model", '{"messages":[1]}', "model"],
  ["with a model that is not a string", '{"model":7,"messages":[1]}', "model"],
  ["without messages", '{"model":"chat"}', "messages"],
  ["with a stream that is not a boolean", '{"model":"chat","messages":[1],"stream":"yes"}', "stream"],
])("a body %s is refused with the field named", async (_name, body, param) => {
  const edge = await startTestEdge();
  const response = await postChat(edge.url, body);
  expect(response.status).toBe(400);
  expect(response.headers.get("x-spillway-attempts")).toBe("0");
  expect(await errorOf(response)).toMatchObject({ type: "invalid_request_error", param, code: "invalid_body" });
  expect(edge.calls).toHaveLength(0);
});

test("a content type other than JSON is refused, and none at all is taken for JSON", async () => {
  const edge = await startTestEdge();
  const refused = await postChat(edge.url, toChatBody(), { "content-type": "text/plain" });
  expect(refused.status).toBe(415);
  expect((await errorOf(refused)).message).toContain("content-type: application/json");
  for (const type of ["application/json; charset=utf-8", "application/vnd.x+json"]) {
    expect((await postChat(edge.url, toChatBody(), { "content-type": type })).status).toBe(200);
  }
  const url = `${edge.url}/v1/chat/completions`;
  const untyped = await fetch(url, { method: "POST", body: Buffer.from(toChatBody()) });
  expect(untyped.status).toBe(200);
});

test("a body over the limit is refused with 413, whether its length is told or not", async () => {
  const edge = await startTestEdge({ bodyLimitBytes: 100_000 });
  const big = toChatBody({ padding: "x".repeat(2_000_000) });
  const told = await postChat(edge.url, big);
  expect(told.status).toBe(413);
  expect(await errorOf(told)).toMatchObject({ code: "request_too_large", message: expect.stringContaining("100000") });
  const untold = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
    const outgoing = httpRequest(`${edge.url}/v1/chat/completions`, { method: "POST", headers }, resolve);
    outgoing.on("error", reject).end(big);
  });
  expect(untold.resume().statusCode).toBe(413);
});

test("a body just under 64 MiB passes by default", async () => {
  const edge = await startTestEdge();
  const body = toChatBody({ padding: "x".repeat(64 * 1024 * 1024 - 200) });
  expect((await postChat(edge.url, body)).status).toBe(200);
  expect(edge.calls[0]?.request.body.length).toBe(body.length);
});

test("a deadline in the header goes on when it is a positive whole number and is refused otherwise", async () => {
  const edge = await startTestEdge();
  await postChat(edge.url, toChatBody(), { "x-spillway-deadline-ms": "1500" });
  expect(edge.calls[0]?.request.headers["x-spillway-deadline-ms"]).toBe("1500");
  for (const value of ["0", "-1", "1.5", "soon", ""]) {
    const refused = await postChat(edge.url, toChatBody(), { "x-spillway-deadline-ms": value });
    expect(refused.status).toBe(400);
    expect(await errorOf(refused)).toMatchObject({ param: "x-spillway-deadline-ms" });
  }
});

test("an error of routing keeps its status and lists every attempt", async () => {
  const edge = await startTestEdge({
    invoke: () =>
      Promise.reject(
        createRoutingError({
          code: "UNAVAILABLE",
          reason: "TARGETS_EXHAUSTED",
          message: "Every target of chat failed.",
          metadata: { endpoint: "chat", http_status: "502" },
        }),
      ),
  });
  const response = await postChat(edge.url, toChatBody());
  expect(response.status).toBe(502);
  expect(response.headers.get("x-spillway-attempts")).toBe("1");
  expect(response.headers.get("x-spillway-target")).toBeNull();
  expect(response.headers.get("x-spillway-trail")).toBe("1 openai/gpt-4o primary PROVIDER_OVERLOADED 503 30ms stop");
  expect(response.headers.get("x-should-retry")).toBe("false");
  expect(await errorOf(response)).toEqual({
    message: "Every target of chat failed.",
    type: "server_error",
    param: null,
    code: "targets_exhausted",
    attempts: [
      {
        index: 1,
        target: "openai/gpt-4o",
        role: "primary",
        class: "PROVIDER_OVERLOADED",
        status: 503,
        duration_ms: 30,
        decision: "stop",
      },
    ],
  });
});

test("a wait that routing tells becomes Retry-After", async () => {
  const retryInfo = googleRpc.RetryInfo.fromPartial({ retryDelay: { seconds: 2n, nanos: 1 } });
  const edge = await startTestEdge({
    invoke: () =>
      Promise.reject(
        new RpcError({
          code: "RESOURCE_EXHAUSTED",
          reason: "TARGETS_RATE_LIMITED",
          message: "Rate limited.",
          details: [{ type: "google.rpc.RetryInfo", value: googleRpc.RetryInfo.encode(retryInfo).finish() }],
        }),
      ),
  });
  const response = await postChat(edge.url, toChatBody());
  expect(response.status).toBe(429);
  expect(response.headers.get("retry-after")).toBe("3");
  expect(response.headers.get("x-should-retry")).toBeNull();
});

test("a fault of this process is told as 500 without what it was, and logged", async () => {
  const edge = await startTestEdge({ invoke: () => Promise.reject(new Error("secret detail")) });
  const response = await postChat(edge.url, toChatBody());
  expect(response.status).toBe(500);
  expect(JSON.stringify(await errorOf(response))).not.toContain("secret detail");
  expect(edge.logLines.some(({ level }) => level === "error")).toBe(true);
});

test("a caller that leaves cancels its call", async () => {
  const entered = Promise.withResolvers<CallSignal | undefined>();
  const edge = await startTestEdge({
    invoke: ({ context }) => {
      entered.resolve(context.signal);
      return new Promise(() => undefined);
    },
  });
  const leaving = new AbortController();
  const gone = fetch(`${edge.url}/v1/chat/completions`, {
    method: "POST",
    body: toChatBody(),
    headers: { "content-type": "application/json" },
    signal: leaving.signal,
  }).catch(() => "left");
  const signal = await entered.promise;
  expect(signal?.aborted).toBe(false);
  leaving.abort();
  expect(await gone).toBe("left");
  await expect.poll(() => signal?.aborted).toBe(true);
  await expect.poll(() => edge.logLines.at(-1)?.fields).toMatchObject({ status: 499, callerLeft: true });
});

test("a finished request is one line at debug, and a failed one at info", async () => {
  const edge = await startTestEdge({
    invoke: ({ request }) =>
      request.body.includes("fail")
        ? Promise.reject(createRoutingError({ code: "UNAVAILABLE", reason: "TARGETS_UNREACHABLE", message: "No." }))
        : Promise.resolve({ body: Buffer.from("{}"), contentType: "", trail: undefined }),
  });
  await (await postChat(edge.url, toChatBody())).text();
  await (await postChat(edge.url, toChatBody({ user: "fail" }))).text();
  await expect.poll(() => edge.logLines).toHaveLength(2);
  expect(edge.logLines).toMatchObject([
    { level: "debug", fields: { status: 200, endpoint: "chat", route: "/v1/chat/completions" } },
    { level: "info", fields: { status: 503, endpoint: "chat" } },
  ]);
});
