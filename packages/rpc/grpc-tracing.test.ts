import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inferenceV1 } from "#contracts";
import {
  type CallContext,
  createGrpcChannel,
  createGrpcClient,
  type GrpcChannel,
  type GrpcServer,
  RpcError,
  type Service,
  startGrpcServer,
} from "#rpc";
import { fromTraceHeaders } from "./trace-headers.ts";

interface RecordedSpan {
  readonly name: string;
  readonly kind: number | undefined;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly attributes: Attributes;
  status: SpanStatus | undefined;
  ends: number;
}

/** A tracer that keeps its spans. */
function createRecorder(): { readonly tracer: Tracer; readonly spans: RecordedSpan[] } {
  const spans: RecordedSpan[] = [];
  const startSpan = (name: string, options: SpanOptions = {}, context: Context = ROOT_CONTEXT): Span => {
    const parent = trace.getSpanContext(context);
    const spanId = (spans.length + 1).toString(16).padStart(16, "0");
    const spanContext = { traceId: parent?.traceId ?? "c".repeat(32), spanId, traceFlags: 1 };
    const recorded: RecordedSpan = {
      name,
      kind: options.kind,
      context: spanContext,
      parent,
      attributes: { ...options.attributes },
      status: undefined,
      ends: 0,
    };
    spans.push(recorded);
    const span = trace.wrapSpanContext(spanContext);
    return Object.assign(span, {
      setAttribute: (key: string, value: string) => {
        recorded.attributes[key] = value;
        return span;
      },
      setStatus: (status: SpanStatus) => {
        recorded.status = status;
        return span;
      },
      end: () => {
        recorded.ends++;
      },
    });
  };
  return { tracer: { startSpan, startActiveSpan: () => undefined as never } as Tracer, spans };
}

const definition = inferenceV1.InferenceServiceDefinition;
const caller = fromTraceHeaders("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=a");
const traceContext = caller ?? ROOT_CONTEXT;
const listModels = "spillway.inference.v1.InferenceService/ListModels";
const streamInvoke = "spillway.inference.v1.InferenceService/StreamInvoke";

let seen: CallContext = {};
const implementation: Service<typeof definition> = {
  listModels: async (_request, context = {}) => {
    seen = context;
    return { models: [], revision: 7n };
  },
  invoke: async () => {
    throw new RpcError({ code: "NOT_FOUND", reason: "ENDPOINT_NOT_FOUND", message: "no endpoint" });
  },
  async *streamInvoke() {
    yield inferenceV1.StreamInvokeResponse.create();
    yield inferenceV1.StreamInvokeResponse.create();
  },
  chatCompletion: async () => {
    throw new TypeError("bug");
  },
  async *streamChatCompletion() {},
};

let server: GrpcServer;
let channel: GrpcChannel;
let client: ReturnType<typeof createRecorder>;
let service: ReturnType<typeof createRecorder>;
let inference: Service<typeof definition>;

beforeEach(async () => {
  client = createRecorder();
  service = createRecorder();
  const services = [{ definition, implementation, endlessMethods: ["streamChatCompletion"] }] as const;
  server = await startGrpcServer({ host: "127.0.0.1", port: 0, services, tracer: service.tracer });
  channel = createGrpcChannel({ address: server.address });
  inference = createGrpcClient(definition, channel, { tracer: client.tracer });
});

afterEach(async () => {
  channel.close();
  await server.drain(0);
});

test("a call has a CLIENT span under the caller's and a SERVER span under that", async () => {
  await inference.listModels({}, { traceContext });
  const [clientSpan] = client.spans;
  const [serverSpan] = service.spans;
  expect(clientSpan).toMatchObject({
    name: listModels,
    kind: 2,
    ends: 1,
    parent: { spanId: "00f067aa0ba902b7" },
    attributes: {
      "rpc.system.name": "grpc",
      "rpc.method": listModels,
      "rpc.status_code": "OK",
      "server.address": "127.0.0.1",
      "server.port": server.port,
    },
  });
  expect(serverSpan).toMatchObject({
    name: listModels,
    kind: 1,
    ends: 1,
    attributes: { "rpc.system.name": "grpc", "rpc.method": listModels, "rpc.status_code": "OK" },
  });
  expect(serverSpan?.parent).toMatchObject({
    traceId: clientSpan?.context.traceId,
    spanId: clientSpan?.context.spanId,
  });
  expect(trace.getSpanContext(seen.traceContext ?? ROOT_CONTEXT)?.spanId).toBe(serverSpan?.context.spanId);
  expect(seen.metadata).not.toHaveProperty("traceparent");
});

test("without a tracer the caller's span is passed on", async () => {
  const plain = createGrpcClient(definition, channel);
  await plain.listModels({}, { traceContext });
  expect(service.spans[0]?.parent).toMatchObject({ spanId: "00f067aa0ba902b7", isRemote: true });
  expect(service.spans[0]?.parent?.traceState?.serialize()).toBe("vendor=a");
});

test("a call without a trace context has no CLIENT span", async () => {
  await inference.listModels({});
  expect(client.spans).toEqual([]);
  expect(service.spans).toHaveLength(1);
});

test("a caller's fault is an error of the CLIENT span alone", async () => {
  const request = inferenceV1.InvokeRequest.create();
  await expect(inference.invoke(request, { traceContext })).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(client.spans[0]).toMatchObject({
    status: { code: 2 },
    attributes: { "rpc.status_code": "NOT_FOUND", "error.type": "NOT_FOUND" },
  });
  expect(service.spans[0]).toMatchObject({ status: undefined, attributes: { "rpc.status_code": "NOT_FOUND" } });
  expect(service.spans[0]?.attributes).not.toHaveProperty("error.type");
});

test("a bug is an error of both spans", async () => {
  const request = inferenceV1.ChatCompletionRequest.create();
  await expect(inference.chatCompletion(request, { traceContext })).rejects.toMatchObject({ code: "INTERNAL" });
  for (const { spans } of [client, service]) {
    expect(spans[0]).toMatchObject({ status: { code: 2 }, attributes: { "error.type": "INTERNAL" }, ends: 1 });
  }
});

test("the spans of a stream end once, also when it is left early", async () => {
  const request = inferenceV1.StreamInvokeRequest.create();
  for await (const _message of inference.streamInvoke(request, { traceContext })) {
    break;
  }
  expect(client.spans[0]).toMatchObject({
    name: streamInvoke,
    ends: 1,
    attributes: { "rpc.status_code": "CANCELLED" },
  });
  await expect.poll(() => service.spans[0]?.ends).toBe(1);
});

test("an endless stream has no SERVER span", async () => {
  const request = inferenceV1.StreamChatCompletionRequest.create();
  for await (const _message of inference.streamChatCompletion(request)) {
    break;
  }
  expect(service.spans).toEqual([]);
});
