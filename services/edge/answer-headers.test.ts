import { expect, test } from "vitest";
import { RpcError, type RpcErrorInit } from "#rpc";
import { exchangeRaw } from "./testing/exchange-raw.ts";
import { createRoutingError, postChat, startTestEdge, toChatBody } from "./testing/start-test-edge.ts";

test.each([
  ["without messages", '{"model":"chat"}'],
  ["with a stream that is no boolean", '{"model":"chat","messages":[1],"stream":"yes"}'],
  ["with stream options that are no object", '{"model":"chat","messages":[1],"stream_options":7}'],
  ["that ends too early", '{"model":"chat","messages":['],
])("a body %s is refused with the endpoint that it names in the headers", async (_name, body) => {
  const edge = await startTestEdge();
  const response = await postChat(edge.url, body);
  expect(response.status).toBe(400);
  expect(response.headers.get("x-spillway-endpoint")).toBe("chat");
  expect(await response.json()).toMatchObject({ error: { code: "invalid_body" } });
});

test("a body whose model cannot be read names no endpoint", async () => {
  const edge = await startTestEdge();
  for (const body of ["{", "[]", '{"messages":[1]}', '{"model":7,"messages":[1]}']) {
    expect((await postChat(edge.url, body)).headers.get("x-spillway-endpoint")).toBeNull();
  }
});

const refusals: readonly RpcErrorInit[] = [
  { code: "UNAUTHENTICATED", reason: "CREDENTIAL_INVALID", message: "m", metadata: { revision: "12" } },
  { code: "NOT_FOUND", reason: "ENDPOINT_NOT_FOUND", message: "m", metadata: { revision: "12" } },
  { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD", message: "m", metadata: { revision: "12" } },
];

test.each(refusals)("a refusal $code with a revision and no trail tells the revision", async (init) => {
  const edge = await startTestEdge({ invoke: () => Promise.reject(new RpcError(init)) });
  const response = await postChat(edge.url, toChatBody());
  expect(response.headers.get("x-spillway-revision")).toBe("12");
  expect(response.headers.get("x-spillway-attempts")).toBe("0");
});

test("the revision of a trail is told once, and what is no revision is not told", async () => {
  const [refusal] = refusals as readonly [RpcErrorInit];
  const withTrail = await startTestEdge({ invoke: () => Promise.reject(createRoutingError(refusal)) });
  expect((await postChat(withTrail.url, toChatBody())).headers.get("x-spillway-revision")).toBe("7");
  const odd = { ...refusal, metadata: { revision: "12\r\nx-other: 1" } };
  const edge = await startTestEdge({ invoke: () => Promise.reject(new RpcError(odd)) });
  const response = await postChat(edge.url, toChatBody());
  expect(response.status).toBe(401);
  expect(response.headers.get("x-spillway-revision")).toBeNull();
});

test.each([
  ["/v1/models", 200],
  ["/v1/models/chat", 200],
  ["/v1/models/none", 404],
])("GET %s tells the revision that it tells of", async (path, status) => {
  const edge = await startTestEdge();
  const response = await fetch(`${edge.url}${path}`);
  expect(response.status).toBe(status);
  expect(response.headers.get("x-spillway-revision")).toBe("7");
});

test("a caller's deadline bounds the call, with time for routing's own answer, and no other call has one", async () => {
  const edge = await startTestEdge();
  const calledAtMs = Date.now();
  await postChat(edge.url, toChatBody(), { "x-spillway-deadline-ms": "1000" });
  const deadlineAtMs = edge.calls[0]?.context.deadlineAtMs ?? 0;
  expect(deadlineAtMs - calledAtMs).toBeGreaterThan(1000);
  expect(deadlineAtMs - Date.now()).toBeLessThanOrEqual(1500);
  await postChat(edge.url, toChatBody({ stream: true }), { "x-spillway-deadline-ms": "1000" });
  expect(edge.calls[1]?.context.deadlineAtMs).toBeGreaterThanOrEqual(deadlineAtMs);
  await postChat(edge.url, toChatBody());
  expect(edge.calls[2]?.context).not.toHaveProperty("deadlineAtMs");
});

test("an expectation that cannot be met is 417 in the shape of OpenAI, and a continuation is met", async () => {
  const edge = await startTestEdge();
  const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
  const refused = await exchangeRaw(edge.port, `${head}expect: foo\r\ncontent-length: 5\r\n\r\n`);
  expect(refused).toMatch(/^HTTP\/1.1 417 .*\r\nx-request-id: .*"code":"expectation_failed"/s);
  const body = toChatBody();
  const rest = `expect: 100-continue\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  expect(await exchangeRaw(edge.port, head + rest)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
});

test("HTTP/1.1 without a Host header is 400 in the shape of OpenAI, and HTTP/1.0 needs none", async () => {
  const edge = await startTestEdge();
  const refused = await exchangeRaw(edge.port, "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n");
  expect(refused).toMatch(/^HTTP\/1.1 400 .*\r\nx-request-id: .*"code":"invalid_http"/s);
  expect(await exchangeRaw(edge.port, "GET /healthz HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1.1 200 OK/);
});
