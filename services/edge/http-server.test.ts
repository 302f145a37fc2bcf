import { expect, test } from "vitest";
import { exchangeRaw } from "./testing/exchange-raw.ts";
import { postChat, startTestEdge, toChatBody } from "./testing/start-test-edge.ts";

test.each([
  ["GET", "/nowhere", 404, null],
  ["POST", "/v1/embeddings", 404, null],
  ["GET", "/v1/chat/completions", 405, "POST"],
  ["DELETE", "/v1/models", 405, "GET, HEAD"],
  ["POST", "/v1/models/chat", 405, "GET, HEAD"],
  ["PUT", "/healthz", 405, "GET, HEAD"],
  ["GET", "/v1/models/%zz", 400, null],
] as const)("%s %s is %d in the shape of OpenAI", async (...[method, path, status, allow]) => {
  const edge = await startTestEdge();
  const body = method === "GET" ? null : "not json";
  const response = await fetch(`${edge.url}${path}`, { method, body });
  expect(response.status).toBe(status);
  expect(response.headers.get("allow")).toBe(allow);
  expect(response.headers.get("x-request-id")).toMatch(/./);
  expect(response.headers.get("x-spillway-attempts")).toBe("0");
  expect(await response.json()).toMatchObject({
    error: { message: expect.any(String), type: "invalid_request_error", param: null, code: expect.any(String) },
  });
});

test("a path that is told with its origin, as to a proxy, is the same path", async () => {
  const edge = await startTestEdge();
  const refused = await exchangeRaw(
    edge.port,
    "GET http://x/v1/chat/completions?a=http://y/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
  );
  expect(refused).toMatch(
    /^HTTP\/1.1 405 .*\r\nallow: POST\r\n.*"message":"\/v1\/chat\/completions does not take GET/s,
  );
  const unknown = await exchangeRaw(edge.port, "GET http://x/nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  expect(unknown).toMatch(/^HTTP\/1.1 404 .*: GET \/nowhere\./s);
});

test("HEAD of a readable path has the headers and no body", async () => {
  const edge = await startTestEdge();
  const response = await fetch(`${edge.url}/healthz`, { method: "HEAD" });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe("");
});

test("a connection is kept alive longer than a minute between requests", async () => {
  const edge = await startTestEdge();
  const response = await postChat(edge.url, toChatBody());
  expect(response.headers.get("keep-alive")).toBe("timeout=72");
});

test("a body that does not arrive in time is 408", async () => {
  const edge = await startTestEdge({ requestArrivalTimeoutMs: 100 });
  const answer = await exchangeRaw(
    edge.port,
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
  );
  expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
  expect(answer).toContain('"code":"request_timeout"');
  expect(edge.calls).toHaveLength(0);
});

test("headers that are too large are 431", async () => {
  const edge = await startTestEdge();
  const answer = await exchangeRaw(
    edge.port,
    `GET /healthz HTTP/1.1\r\nhost: x\r\nx-big: ${"a".repeat(20_000)}\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 431 /);
  expect(answer).toContain('"code":"headers_too_large"');
});

test("what is not HTTP is 400", async () => {
  const edge = await startTestEdge();
  const answer = await exchangeRaw(edge.port, "hello\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer).toContain('"code":"invalid_http"');
});
