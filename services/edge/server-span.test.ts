import { connect } from "node:net";
import { text } from "node:stream/consumers";
import {
  type Context,
  propagation,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { expect, test } from "vitest";
import { createRoutingError, postChat, startTestEdge, streamHead, toChatBody } from "./testing/start-test-edge.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanContext: SpanContext = { traceId, spanId: "b7ad6b7169203331", traceFlags: 1 };

interface StartedSpan {
  readonly name: string;
  readonly options: SpanOptions | undefined;
  readonly parent: Context | undefined;
  readonly attributes: Record<string, unknown>;
  statusCode: SpanStatusCode;
  endings: number;
}

function createRecordingTracer(isRecording: boolean): { tracer: Tracer; spans: StartedSpan[] } {
  const spans: StartedSpan[] = [];
  const startSpan = (name: string, options?: SpanOptions, parent?: Context): Span => {
    const started: StartedSpan = {
      name,
      options,
      parent,
      attributes: {},
      statusCode: SpanStatusCode.UNSET,
      endings: 0,
    };
    spans.push(started);
    const span: Partial<Span> = {
      spanContext: () => ({ ...spanContext, traceFlags: isRecording ? 1 : 0 }),
      isRecording: () => isRecording,
      setAttribute: (key, value) => {
        started.attributes[key] = value;
        return span as Span;
      },
      setAttributes: (attributes) => {
        Object.assign(started.attributes, attributes);
        return span as Span;
      },
      setStatus: ({ code }) => {
        started.statusCode = code;
        return span as Span;
      },
      end: () => {
        started.endings += 1;
      },
    };
    return span as Span;
  };
  return { tracer: { startSpan } as Partial<Tracer> as Tracer, spans };
}

test("a request is one SERVER span of the caller's trace, and its calls belong under it", async () => {
  const { tracer, spans } = createRecordingTracer(true);
  const edge = await startTestEdge({ tracer });
  const response = await postChat(edge.url, toChatBody(), {
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    tracestate: "vendor=1",
    baggage: "user=me",
    "user-agent": "test/1",
  });
  await response.text();
  await expect.poll(() => spans[0]?.endings).toBe(1);
  expect(spans).toHaveLength(1);
  expect(spans[0]).toMatchObject({ name: "POST /v1/chat/completions", options: { kind: 1 }, statusCode: 0 });
  expect(spans[0]?.attributes).toEqual({
    "http.request.method": "POST",
    "http.route": "/v1/chat/completions",
    "http.response.status_code": 200,
    "url.path": "/v1/chat/completions",
    "url.scheme": "http",
    "network.protocol.version": "1.1",
    "server.address": "127.0.0.1",
    "server.port": edge.port,
    "client.address": "127.0.0.1",
    "user_agent.original": "test/1",
  });
  const parent = spans[0]?.parent as Context;
  expect(trace.getSpanContext(parent)).toMatchObject({ traceId, spanId: "00f067aa0ba902b7", isRemote: true });
  expect(trace.getSpanContext(parent)?.traceState?.get("vendor")).toBe("1");
  expect(propagation.getBaggage(parent)).toBeUndefined();
  const callContext = edge.calls[0]?.context.traceContext as Context;
  expect(trace.getSpanContext(callContext)?.spanId).toBe(spanContext.spanId);
  expect(response.headers.get("traceresponse")).toBe(`00-${traceId}-${spanContext.spanId}-01`);
});

test("a 5xx and a broken stream are errors of the span, and a refusal is not", async () => {
  const { tracer, spans } = createRecordingTracer(true);
  const edge = await startTestEdge({
    tracer,
    invoke: () =>
      Promise.reject(createRoutingError({ code: "UNAVAILABLE", reason: "TARGETS_UNREACHABLE", message: "No." })),
    async *stream() {
      yield streamHead;
      throw createRoutingError({ code: "UNAVAILABLE", reason: "STREAM_BROKEN", message: "Broken." });
    },
  });
  for (const body of [toChatBody(), toChatBody({ stream: true }), "{}"]) {
    await (await postChat(edge.url, body)).text();
  }
  await expect.poll(() => spans.map(({ endings }) => endings)).toEqual([1, 1, 1]);
  expect(spans.map(({ statusCode, attributes }) => [statusCode, attributes["error.type"]])).toEqual([
    [SpanStatusCode.ERROR, "503"],
    [SpanStatusCode.ERROR, "stream_broken"],
    [SpanStatusCode.UNSET, undefined],
  ]);
});

test("a request that names no host is a span without the server's address", async () => {
  const { tracer, spans } = createRecordingTracer(true);
  const edge = await startTestEdge({ tracer });
  const socket = connect(edge.port, "127.0.0.1");
  socket.write("GET /v1/models?after=x HTTP/1.0\r\n\r\n");
  expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK/);
  await expect.poll(() => spans[0]?.endings).toBe(1);
  expect(spans[0]?.attributes).toEqual({
    "http.request.method": "GET",
    "http.route": "/v1/models",
    "http.response.status_code": 200,
    "url.path": "/v1/models",
    "url.scheme": "http",
    "network.protocol.version": "1.0",
    "client.address": "127.0.0.1",
  });
});

test("a span that is not recorded gets no attributes, and its decision is passed on", async () => {
  const { tracer, spans } = createRecordingTracer(false);
  const edge = await startTestEdge({ tracer });
  const response = await postChat(edge.url, toChatBody());
  await response.text();
  await expect.poll(() => spans[0]?.endings).toBe(1);
  expect(spans[0]?.attributes).toEqual({});
  expect(response.headers.get("traceresponse")).toBe(`00-${traceId}-${spanContext.spanId}-00`);
  const callContext = edge.calls[0]?.context.traceContext as Context;
  expect(trace.getSpanContext(callContext)?.traceFlags).toBe(0);
});

test("health checks and metrics make no span", async () => {
  const { tracer, spans } = createRecordingTracer(true);
  const edge = await startTestEdge({ tracer });
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    const response = await fetch(`${edge.url}${path}`);
    expect(response.headers.get("traceresponse")).toBeNull();
  }
  expect(spans).toHaveLength(0);
});

test.each([
  ["POST", "/chat/completions", 404],
  ["DELETE", "/v1/models", 405],
  ["GET", "/v1/models/%zz", 400],
])("%s %s, which no route takes, is a span named by its method, and its answer tells the trace", async (...request) => {
  const [method, path, status] = request;
  const { tracer, spans } = createRecordingTracer(true);
  const edge = await startTestEdge({ tracer });
  const response = await fetch(`${edge.url}${path}`, { method });
  await response.text();
  expect(response.status).toBe(status);
  expect(response.headers.get("traceresponse")).toBe(`00-${traceId}-${spanContext.spanId}-01`);
  await expect.poll(() => spans[0]?.endings).toBe(1);
  expect(spans[0]).toMatchObject({ name: method, attributes: { "url.path": path } });
  expect(spans[0]?.attributes).not.toHaveProperty("http.route");
});
