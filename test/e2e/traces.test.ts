import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "../harness/otlp-receiver.ts";
import {
  chatStream,
  errorStep,
  healthyStep,
  type ScriptedUpstream,
  scriptedUsage,
  startScriptedUpstream,
} from "../harness/scripted-upstream.ts";
import { testKeys, testTargets, toTestConfig } from "./test-config.ts";
import { Topology, topologyKinds } from "./topology.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const callerSpanId = "00f067aa0ba902b7";
const inferenceService = "spillway.inference.v1.InferenceService";

describe.each(topologyKinds)("the trace of a request to Spillway as %s", (kind) => {
  let first: ScriptedUpstream;
  let second: ScriptedUpstream;
  let receiver: OtlpReceiver;
  let spillway: Topology;

  beforeAll(async () => {
    first = await startScriptedUpstream();
    second = await startScriptedUpstream();
    receiver = await startOtlpReceiver();
    spillway = await Topology.start(kind, {
      config: toTestConfig({ first, second }),
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: "50" },
    });
  });

  afterAll(async () => {
    await spillway?.stop();
    await receiver?.close();
    await first?.close();
    await second?.close();
  });

  beforeEach(() => {
    receiver.clear();
    first.otherwise(healthyStep);
    second.otherwise(healthyStep);
  });

  async function call(body: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const answer = await fetch(`${spillway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${testKeys.all}`, ...headers },
      body: JSON.stringify({ messages: [{ role: "user", content: "confidential question" }], ...body }),
    });
    await answer.text();
    return answer;
  }

  /** The spans of a trace as lines `name KIND`, children indented below their parents, in the order of their starts. */
  function draw(spans: readonly ReceivedSpan[], parentSpanId: string, indent = ""): string[] {
    return spans
      .filter((span) => span.parentSpanId === parentSpanId)
      .sort((one, other) => Number(one.startNs - other.startNs))
      .flatMap((span) => [
        `${indent}${span.name} ${span.kind} ${span.status}`,
        ...draw(spans, span.spanId, `${indent}  `),
      ]);
  }

  async function waitForTrace(id: string): Promise<readonly ReceivedSpan[]> {
    const isRoot = ({ name, traceId: of }: ReceivedSpan) => of === id && name === "POST /v1/chat/completions";
    const ofTrace = (spans: readonly ReceivedSpan[]) => spans.filter((span) => span.traceId === id);
    const hasLogical = (spans: readonly ReceivedSpan[]) => ofTrace(spans).some(({ name }) => name.startsWith("chat "));
    const spanCount = kind === "all-in-one" ? 4 : 6;
    await receiver.waitForSpans(
      (spans) => spans.some(isRoot) && hasLogical(spans) && ofTrace(spans).length >= spanCount,
    );
    return ofTrace(receiver.spans);
  }

  /** Between processes the call is two spans more. */
  function withCall(method: string, below: readonly string[]): string[] {
    if (kind === "all-in-one") {
      return below.map((line) => `  ${line}`);
    }
    const call = [`${inferenceService}/${method} CLIENT UNSET`, `  ${inferenceService}/${method} SERVER UNSET`];
    return [...call, ...below.map((line) => `    ${line}`)].map((line) => `  ${line}`);
  }

  test("has a span for every attempt, below the caller's own span", async () => {
    first.otherwise(errorStep(503));
    second.otherwise(chatStream({ usage: scriptedUsage }));
    const traceparent = `00-${traceId}-${callerSpanId}-01`;
    const answer = await call({ model: "chat", stream: true }, { traceparent, tracestate: "vendor=a" });
    const spans = await waitForTrace(traceId);
    expect(draw(spans, callerSpanId)).toEqual([
      "POST /v1/chat/completions SERVER UNSET",
      ...withCall("StreamInvoke", [
        "chat chat INTERNAL UNSET",
        "  resolve_chain INTERNAL UNSET",
        "  chat first-model CLIENT ERROR",
        "  chat second-model CLIENT UNSET",
      ]),
    ]);
    expect(answer.headers.get("traceresponse")).toContain(traceId);
    const [failed, served] = ["chat first-model", "chat second-model"].map((name) =>
      spans.find((span) => span.name === name),
    );
    expect(failed?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai-compatible",
      "gen_ai.request.model": "first-model",
      "server.address": "127.0.0.1",
      "server.port": first.port,
      "error.type": "503",
      "spillway.endpoint.name": "chat",
      "spillway.target.role": "primary",
      "spillway.attempt.number": 1,
      "spillway.attempt.fallback_index": 0,
      "spillway.attempt.failure_class": "PROVIDER_OVERLOADED",
      "spillway.attempt.decision": "next",
    });
    expect(served?.attributes).toMatchObject({
      "spillway.target.role": "fallback",
      "spillway.attempt.number": 2,
      "spillway.attempt.fallback_index": 1,
      "spillway.attempt.decision": "served",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": scriptedUsage.prompt_tokens,
      "gen_ai.usage.output_tokens": scriptedUsage.completion_tokens,
    });
    expect(failed?.endNs).toBeLessThanOrEqual(served?.startNs ?? 0n);
    expect(spans.find(({ name }) => name === "chat chat")?.attributes).toMatchObject({
      "spillway.attempts": 2,
      "spillway.fallback.used": true,
      "spillway.served.target": testTargets.second,
    });
  });

  test("says which process made each span", async () => {
    const answer = await call({ model: "chat" });
    const [, id = ""] = answer.headers.get("traceresponse")?.split("-") ?? [];
    const spans = await waitForTrace(id);
    const services = Object.fromEntries(
      spans.map(({ name, kind, resource }) => [`${name} ${kind}`, resource["service.name"]]),
    );
    const edge = services["POST /v1/chat/completions SERVER"];
    const routing = services["chat chat INTERNAL"];
    expect([edge, routing]).toEqual(
      kind === "all-in-one" ? ["spillway", "spillway"] : ["spillway-edge", "spillway-routing"],
    );
  });

  test("has an error only where nothing served", async () => {
    first.otherwise(errorStep(500));
    second.otherwise(errorStep(503));
    const answer = await call({ model: "chat" });
    const [, id = ""] = answer.headers.get("traceresponse")?.split("-") ?? [];
    const spans = await waitForTrace(id);
    expect(spans.find(({ name }) => name === "chat chat")?.status).toBe("ERROR");
    expect(spans.find(({ name }) => name === "POST /v1/chat/completions")).toMatchObject({
      status: "ERROR",
      attributes: { "http.response.status_code": 502 },
    });
  });

  test("holds neither content nor a secret", async () => {
    const answer = await call({ model: "chat" });
    const [, id = ""] = answer.headers.get("traceresponse")?.split("-") ?? [];
    const spans = await waitForTrace(id);
    const text = JSON.stringify(spans, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    for (const hidden of ["confidential question", "Hello", "sk-upstream-secret", testKeys.all]) {
      expect(text).not.toContain(hidden);
    }
  });

  test("goes no further than the provider", async () => {
    await call({ model: "chat" }, { traceparent: `00-${traceId}-${callerSpanId}-01` });
    expect(first.requests.at(-1)?.headers).not.toHaveProperty("traceparent");
  });
});
