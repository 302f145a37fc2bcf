import { trace } from "@opentelemetry/api";
import { onTestFinished } from "vitest";
import { configV1, errorsV1, inferenceV1, type routingV1 } from "#contracts";
import { type CallContext, RpcError, type RpcErrorInit, type Service } from "#rpc";
import type { EdgeOptions } from "../edge-options.ts";
import { type EdgeServer, startEdge } from "../start-edge.ts";

type Inference = Service<inferenceV1.InferenceServiceDefinition>;
type Routing = Service<routingV1.RoutingServiceDefinition>;

/** One call that a fake service received. */
export interface ReceivedCall {
  readonly request: inferenceV1.InvokeRequest;
  readonly context: CallContext;
}

/** An edge before fakes that answer as a test says. */
export interface TestEdge extends EdgeServer {
  readonly url: string;
  /** Calls of `Invoke` and `StreamInvoke`. */
  readonly calls: readonly ReceivedCall[];
  readonly logLines: readonly { readonly level: string; readonly fields: object; readonly message: string }[];
}

/** What the fakes do; what is left out serves. */
export interface TestEdgeOptions extends Partial<Omit<EdgeOptions, "inference" | "routing">> {
  readonly invoke?: (call: ReceivedCall) => Promise<inferenceV1.InvokeResponse>;
  readonly stream?: (call: ReceivedCall) => AsyncIterable<inferenceV1.StreamInvokeResponse>;
  readonly models?: (context: CallContext) => Promise<inferenceV1.ListModelsResponse>;
  readonly configStatus?: (context: CallContext) => Promise<routingV1.GetConfigStatusResponse>;
}

/** Starts an edge on a free port of the loopback; it is closed when the test is finished. */
export async function startTestEdge(options: TestEdgeOptions = {}): Promise<TestEdge> {
  const { invoke = serveUnary, stream = serveStream, models = serveModels, configStatus, ...rest } = options;
  const calls: ReceivedCall[] = [];
  const logLines: TestEdge["logLines"][number][] = [];
  const receive = (request: inferenceV1.InvokeRequest, context: CallContext = {}): ReceivedCall => {
    const call = { request, context };
    calls.push(call);
    return call;
  };
  const unimplemented = () => Promise.reject(new RpcError({ code: "UNIMPLEMENTED", reason: "INTERNAL", message: "" }));
  const inference: Inference = {
    invoke: (request, context) => invoke(receive(request, context)),
    streamInvoke: (request, context) => stream(receive(request, context)),
    listModels: (_request, context) => models(context ?? {}),
    chatCompletion: unimplemented,
    streamChatCompletion: () => {
      throw new RpcError({ code: "UNIMPLEMENTED", reason: "INTERNAL", message: "" });
    },
  };
  const routing: Routing = {
    resolveChain: unimplemented,
    listTargetHealth: unimplemented,
    setTargetState: unimplemented,
    getConfigStatus: (_request, context) => (configStatus ?? unimplemented)(context ?? {}),
  };
  const log = (level: string) => (fields: object, message: string) => {
    logLines.push({ level, fields, message });
  };
  const edge = await startEdge({
    logger: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    tracer: trace.getTracer("test"),
    host: "127.0.0.1",
    port: 0,
    ...rest,
    inference,
    routing,
  });
  onTestFinished(() => edge.close());
  return { ...edge, url: `http://${edge.address}`, calls, logLines };
}

/** A trail of one primary that was rate limited and one fallback that served. */
const servedTrail = inferenceV1.RouteTrail.fromPartial({
  endpoint: "chat",
  revision: 7n,
  overheadMs: 0.4,
  providerWaitMs: 0,
  attempts: [
    {
      index: 1,
      target: "openai/gpt-4o",
      role: configV1.GatewayModelLinkageType.PRIMARY,
      failureClass: errorsV1.FailureClass.PROVIDER_RATE_LIMITED,
      status: 429,
      durationMs: 412.2,
      decision: inferenceV1.AttemptDecision.NEXT,
    },
    {
      index: 2,
      target: "anthropic/claude",
      role: configV1.GatewayModelLinkageType.FALLBACK,
      status: 200,
      startMs: 412.3,
      durationMs: 903,
      decision: inferenceV1.AttemptDecision.SERVED,
    },
  ],
});

/** A trail of one primary that failed, and nothing else to try. */
export const failedTrail = inferenceV1.RouteTrail.fromPartial({
  endpoint: "chat",
  revision: 7n,
  attempts: [
    {
      index: 1,
      target: "openai/gpt-4o",
      role: configV1.GatewayModelLinkageType.PRIMARY,
      failureClass: errorsV1.FailureClass.PROVIDER_OVERLOADED,
      status: 503,
      durationMs: 30,
      decision: inferenceV1.AttemptDecision.EXHAUSTED,
    },
  ],
});

/** An error as routing throws it: with the trail among its details. */
export function createRoutingError(init: RpcErrorInit, trail = failedTrail): RpcError {
  const value = inferenceV1.RouteTrail.encode(trail).finish();
  return new RpcError({
    ...init,
    details: [{ type: "spillway.inference.v1.RouteTrail", value }, ...(init.details ?? [])],
  });
}

/** The head that begins a stream. */
export const streamHead: inferenceV1.StreamInvokeResponse = {
  event: { $case: "head", value: { contentType: "text/event-stream; charset=utf-8", trail: servedTrail } },
};

/** One event of an OpenAI stream; an object is written as JSON. */
export function toStreamData(payload: object | string): inferenceV1.StreamInvokeResponse {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return { event: { $case: "data", value: Buffer.from(`data: ${text}\n\n`) } };
}

/** A chunk of an OpenAI stream that carries text. */
export function toTextChunk(text: string): object {
  const choices = [{ index: 0, delta: { content: text }, finish_reason: null }];
  return { id: "c1", object: "chat.completion.chunk", created: 1, model: "claude", choices };
}

/** A request body for `chat`. */
export function toChatBody(members: object = {}): string {
  return JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Hi" }], ...members });
}

/** Posts a chat request. */
export function postChat(url: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
}

const completion = {
  id: "c1",
  object: "chat.completion",
  created: 1,
  model: "claude",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
};

async function serveUnary(): Promise<inferenceV1.InvokeResponse> {
  return { body: Buffer.from(JSON.stringify(completion)), contentType: "application/json", trail: servedTrail };
}

async function* serveStream(): AsyncIterable<inferenceV1.StreamInvokeResponse> {
  yield streamHead;
  yield toStreamData(toTextChunk("Hel"));
  yield toStreamData(toTextChunk("lo"));
  yield toStreamData("[DONE]");
  yield { event: { $case: "finalTrail", value: servedTrail } };
}

async function serveModels(): Promise<inferenceV1.ListModelsResponse> {
  const models = [
    { name: "chat", createdAt: 1_700_000_000_123n, description: "" },
    { name: "team/fast chat", createdAt: 0n, description: "" },
  ];
  return { models, revision: 7n };
}
