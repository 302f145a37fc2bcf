import { ROOT_CONTEXT, TraceFlags, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { errorsV1, inferenceV1 } from "#contracts";
import { findProvider, type Provider } from "#providers";
import type { RpcError } from "#rpc";
import { hashApiKey } from "#secrets";
import { quickRetries } from "../testing/config-messages.ts";
import { expectSpansToTell, trailOf } from "../testing/expect-spans.ts";
import { answers, breaks, FakeTransport, hangs, type Play, refuses } from "../testing/fake-transport.ts";
import { holdTime } from "../testing/hold-time.ts";
import { sealTestSecret } from "../testing/seal-test-secret.ts";
import { apiKey, chatBody, inShort, TestRouting } from "../testing/test-routing.ts";

const alone = { targets: [{ model: "one" }] };
const two = { targets: [{ model: "one" }, { model: "two", fallback: 1 }], policy: { retries: quickRetries(1) } };

describe("a caller who goes away", () => {
  it("ends the call at the provider at once, and nothing else is called", async () => {
    const transport = new FakeTransport(hangs);
    const routing = new TestRouting({ transport, endpoints: [two] });
    const leaving = new AbortController();
    const answer = routing.invoke({ signal: leaving.signal }).catch((thrown: RpcError) => thrown);
    await expect.poll(() => transport.exchanges.length).toBe(1);
    leaving.abort();
    expect(transport.exchanges[0]?.isAborted).toBe(true);
    expect(await answer).toMatchObject({ code: "CANCELLED", reason: "CANCELLED" });
    expect(transport.models).toEqual(["one"]);
    expect(routing.attemptSpans).toMatchObject([
      {
        status: "UNSET",
        attributes: {
          "spillway.attempt.decision": "cancelled",
          "spillway.attempt.failure_class": "CALLER_CANCELLED",
        },
      },
    ]);
    expect(routing.requestSpan).toMatchObject({ status: "UNSET", attributes: { "spillway.outcome": "cancelled" } });
  });

  it("who leaves during a backoff is not waited for", async () => {
    const transport = new FakeTransport(refuses(503));
    const policy = { retries: { max: 1, initialBackoffMs: 60_000, maxBackoffMs: 60_000 } };
    const routing = new TestRouting({ transport, endpoints: [{ ...alone, policy }] });
    const leaving = new AbortController();
    const answer = routing.invoke({ signal: leaving.signal }).catch((thrown: RpcError) => thrown);
    await expect.poll(() => routing.attemptSpans.length).toBe(1);
    leaving.abort();
    expect(await answer).toMatchObject({ code: "CANCELLED" });
    expect(transport.exchanges).toHaveLength(1);
  });

  it("who has left before the call is not served", async () => {
    const transport = new FakeTransport(answers());
    const routing = new TestRouting({ transport, endpoints: [alone] });
    const answer = routing.invoke({ signal: AbortSignal.abort() }).catch((thrown: RpcError) => thrown);
    expect(await answer).toMatchObject({ code: "CANCELLED" });
    expect(transport.exchanges).toHaveLength(0);
  });
});

describe("the deadline", () => {
  it.each([
    ["of the policy", { timeouts: { deadlineMs: 40 } }, {}],
    ["of the caller's header", {}, { headers: { "x-spillway-deadline-ms": "40" } }],
    ["of the call", {}, { deadlineAtMs: "in 40 ms" as const }],
  ])("%s bounds all attempts together", async (_name, policy, given) => {
    const time = holdTime();
    const transport = new FakeTransport(hangs);
    const routing = new TestRouting({ transport, endpoints: [{ ...two, policy }] });
    const context = "deadlineAtMs" in given ? { deadlineAtMs: Date.now() + 40 } : given;
    const call = routing.invoke(context).catch((thrown: RpcError) => thrown);
    const error = (await time.passUntil(call)) as RpcError;
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", metadata: { http_status: "504" } });
    expect(transport.exchanges.map(({ isAborted }) => isAborted)).toEqual([true]);
    expectSpansToTell(routing, trailOf(error));
  });

  it("is refused when it is no number", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(answers()), endpoints: [alone] });
    const answer = routing.invoke({ headers: { "x-spillway-deadline-ms": "soon" } });
    await expect(answer).rejects.toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
  });
});

it("a dialect that this version does not speak is refused, and the field is named", async () => {
  const transport = new FakeTransport(answers());
  const routing = new TestRouting({ transport, endpoints: [alone] });
  const dialect = inferenceV1.Dialect.UNSPECIFIED;
  const answer = routing.inference.invoke({ endpoint: "chat", dialect, body: chatBody(), headers: {} });
  await expect(answer).rejects.toMatchObject({ code: "INVALID_ARGUMENT", metadata: { field: "dialect" } });
  expect(transport.exchanges).toEqual([]);
});

it("an answer of more than 64 MiB is not held: its connection is closed and the next target answers", async () => {
  const piece = "x".repeat(16 * 1024 * 1024);
  const floods: Play = (exchange) => {
    exchange.head(200);
    for (let count = 0; count < 5 && !exchange.isAborted; count += 1) {
      exchange.data(piece);
    }
  };
  const transport = new FakeTransport(floods, answers());
  const routing = new TestRouting({ transport, endpoints: [two] });
  const { trail } = await routing.invoke();
  expect(transport.exchanges[0]?.isAborted).toBe(true);
  expect(trail?.attempts.map(({ failureClass }) => failureClass)).toEqual([
    errorsV1.FailureClass.PROVIDER_BAD_RESPONSE,
    errorsV1.FailureClass.UNSPECIFIED,
  ]);
});

describe("what an attempt is made of", () => {
  it("is the caller's original each time, with the dialect's own headers and nothing else of the caller's", async () => {
    const transport = new FakeTransport(breaks("refused"), answers());
    const routing = new TestRouting({ transport, endpoints: [{ ...two, policy: { retries: quickRetries(0) } }] });
    await routing.invoke({ headers: { "openai-beta": "assistants=v2", "x-private": "1", authorization: "Bearer x" } });
    const [first, second] = transport.exchanges.map(({ request }) => request);
    expect(first?.headers).toEqual({ "openai-beta": "assistants=v2", "x-key": "" });
    const originals = [first, second].map((request) => JSON.parse(String(request?.body)).original);
    expect(originals[0]).toBe(originals[1]);
  });

  it("holds the opened secret of its target, and no log or error does", async () => {
    const sealed = sealTestSecret("sk-very-secret", { authConfig: { api_base: "http://base.test" } });
    const transport = new FakeTransport(refuses(500));
    const endpoints = [{ targets: [{ model: "one", secretId: "s-1" }], policy: { retries: quickRetries(0) } }];
    const routing = new TestRouting({ transport, endpoints, secrets: [sealed] });
    const error = await routing.invoke().catch((thrown: RpcError) => thrown);
    expect(transport.exchanges[0]?.request).toMatchObject({
      origin: "http://base.test",
      headers: { "x-key": "sk-very-secret" },
    });
    expect(JSON.stringify([error, routing.logged, routing.spans])).not.toContain("sk-very-secret");
  });

  it("says nothing of its secret where the provider says it back", async () => {
    const says: Play = (exchange) => void exchange.head(400).data("no field foo (for team_9f8e7d6c5b4a)").end();
    const routing = new TestRouting({
      transport: new FakeTransport(says),
      endpoints: [{ targets: [{ model: "one", secretId: "s-1" }] }],
      secrets: [sealTestSecret("team_9f8e7d6c5b4a")],
    });
    const error = await routing.invoke().catch((thrown: RpcError) => thrown);
    expect(error).toMatchObject({ reason: "CALLER_FAULT", message: "no field foo (for [redacted])" });
    expect(JSON.stringify([error, routing.logged, routing.spans])).not.toContain("team_9f8e7d6c5b4a");
  });

  it("says nothing of its secret in a trace either, where the provider names its model or its reason so", async () => {
    const choices = [{ index: 0, message: { content: "hi" }, finish_reason: "team_9f8e7d6c5b4a" }];
    const says: Play = (exchange) =>
      void exchange
        .head(200)
        .data(JSON.stringify({ model: "team_9f8e7d6c5b4a", choices }))
        .end();
    const routing = new TestRouting({
      transport: new FakeTransport(says),
      endpoints: [{ targets: [{ model: "one", baseUrl: "http://base.test", secretId: "s-1" }] }],
      secrets: [sealTestSecret("team_9f8e7d6c5b4a")],
      provider: findProvider("openai-compatible") as Provider,
    });
    await routing.invoke();
    expect(routing.attemptSpans[0]?.attributes["gen_ai.response.finish_reasons"]).toEqual(["[redacted]"]);
    expect(JSON.stringify(routing.spans)).not.toContain("team_9f8e7d6c5b4a");
  });

  it("carries the trace to a provider only when the model definition allows it", async () => {
    const transport = new FakeTransport(breaks("refused"), answers());
    const targets = [
      { model: "one", propagateTraceContext: true },
      { model: "two", fallback: 1 },
    ];
    const routing = new TestRouting({ transport, endpoints: [{ targets, policy: { retries: quickRetries(0) } }] });
    await routing.invoke();
    const [first, second] = transport.exchanges.map(({ request }) => request.headers);
    const [span] = routing.attemptSpans;
    expect(first?.traceparent).toMatch(new RegExp(`^00-[0-9a-f]{32}-${span?.spanId}-01$`));
    expect(second).not.toHaveProperty("traceparent");
  });
});

describe("who may call", () => {
  const endpoints = [alone, { ...alone, name: "other" }];
  const keys = [apiKey("all", hashApiKey("key-all")), apiKey("one", hashApiKey("key-one"), ["other"])];
  const bearer = (key: string) => ({ metadata: { authorization: `Bearer ${key}` } });

  it("is anybody where no keys exist and the deployment is open, whatever credential comes", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(answers()), endpoints, isOpen: true });
    await expect(routing.invoke(bearer("anything"))).resolves.toHaveProperty("trail");
  });

  it("is nobody where no keys exist and the deployment is closed, and the message says what to do", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(answers()), endpoints, isOpen: false });
    await expect(routing.invoke(bearer("anything"))).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      reason: "CREDENTIAL_MISSING",
      message: expect.stringContaining("`keys`"),
    });
  });

  it("is whoever has a key where keys exist", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(answers()), endpoints, keys });
    await expect(routing.invoke(bearer("key-all"))).resolves.toHaveProperty("trail");
    await expect(routing.invoke(bearer("key-all"))).resolves.toHaveProperty("trail");
    await expect(routing.invoke()).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      reason: "CREDENTIAL_MISSING",
      metadata: { code: "invalid_api_key" },
    });
    await expect(routing.invoke(bearer("key-wrong"))).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      reason: "CREDENTIAL_INVALID",
      metadata: { code: "invalid_api_key" },
    });
  });

  it("learns nothing of endpoints that its key may not use", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(answers()), endpoints, keys });
    const forbidden = await routing.invoke(bearer("key-one"), "chat").catch((thrown: RpcError) => thrown);
    const unknown = await routing.invoke(bearer("key-all"), "chat2").catch((thrown: RpcError) => thrown);
    expect(forbidden).toMatchObject({
      code: "NOT_FOUND",
      reason: "ENDPOINT_NOT_FOUND",
      metadata: { code: "model_not_found" },
    });
    expect((forbidden as RpcError).message.replace("chat", "chat2")).toBe((unknown as RpcError).message);
    await expect(routing.invoke(bearer("key-one"), "other")).resolves.toHaveProperty("trail");
    const { models } = await routing.inference.listModels({}, bearer("key-one"));
    expect(models.map(({ name }) => name)).toEqual(["other"]);
    await expect(routing.inference.listModels({}, {})).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });
});

describe("the trace of a request", () => {
  it("has the tree that is documented", async () => {
    const transport = new FakeTransport(refuses(503), answers());
    const endpoints = [{ split: true, targets: [{ model: "one" }, { model: "left", weight: 0 }] }];
    const routing = new TestRouting({ transport, endpoints, random: () => 0 });
    await routing.invoke();
    expect(routing.spans.map(({ name }) => name)).toEqual(["resolve_chain", "chat one", "chat one", "chat chat"]);
    const [resolved, , served] = routing.spans;
    expect(resolved).toMatchObject({
      kind: "INTERNAL",
      parentSpanId: routing.requestSpan?.spanId,
      attributes: {
        "spillway.config.revision": 7,
        "spillway.chain.strategy": "REQUEST_BASED_TRAFFIC_SPLIT",
        "spillway.chain.draw": 0,
      },
      events: [
        {
          name: "target_skipped",
          attributes: {
            "spillway.target.id": expect.stringMatching(/^t-[0-9a-f]{16}$/),
            "spillway.mapping.id": "m-chat-left",
            "spillway.chain.skip_reason": "not drawn",
          },
        },
      ],
    });
    expect(served?.attributes).toMatchObject({
      "gen_ai.provider.name": "fake",
      "gen_ai.request.model": "one",
      "gen_ai.response.model": "one-0001",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": 5,
      "gen_ai.usage.output_tokens": 2,
      "server.address": "fake.test",
      "server.port": 8080,
      "spillway.endpoint.name": "chat",
      "spillway.attempt.retry": true,
      "spillway.attempt.fallback_index": 0,
    });
    expect(routing.requestSpan?.attributes).toMatchObject({
      "spillway.usage.input_tokens": 5,
      "spillway.usage.output_tokens": 2,
      "spillway.attempts": 2,
      "spillway.fallback.used": false,
      "spillway.served.target": "fake/one",
      "spillway.outcome": "served",
    });
  });

  it("tells of an expression that could not be evaluated on the request", async () => {
    const rules = [{ name: "tier", when: 'request.headers["x-tier"] == "gold"', use: ["two"] }];
    const routing = new TestRouting({ transport: new FakeTransport(answers()), endpoints: [{ ...two, rules }] });
    await routing.invoke();
    const [resolved] = routing.spans;
    expect(resolved?.events).toContainEqual({
      name: "expression_failed",
      attributes: { "spillway.chain.expression_error": expect.stringMatching(/^rule tier: ./) },
    });
  });

  it("is not made when the caller's trace is not sampled", async () => {
    const spanContext = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: TraceFlags.NONE };
    const routing = new TestRouting({ transport: new FakeTransport(answers()), endpoints: [alone] });
    await routing.invoke({ traceContext: trace.setSpanContext(ROOT_CONTEXT, spanContext) });
    expect(routing.spans).toEqual([]);
  });
});

describe("the log", () => {
  it("has one line for a request that took more than one attempt, and none of its content", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(refuses(404), answers()), endpoints: [two] });
    await routing.invoke({ headers: { "x-request-id": "r-1" } });
    const fields = { requestId: "r-1", endpoint: "chat", outcome: "served", revision: "7" };
    expect(routing.logged).toMatchObject([{ level: "info", message: "request", fields }]);
    expect(routing.logged[0]?.fields).toHaveProperty("trail", [
      expect.stringMatching(/^1 fake\/one primary PROVIDER_MODEL_NOT_FOUND 404 \d+ms next$/),
      expect.stringMatching(/^2 fake\/two fallback SERVED 200 \d+ms$/),
    ]);
    expect(JSON.stringify(routing.logged)).not.toContain("hi");
  });

  it("has none for a request that the first attempt served", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(answers()), endpoints: [two] });
    const { trail } = await routing.invoke();
    expect(inShort(trail)).toEqual(["1 fake/one 200 SERVED"]);
    expect(routing.logged).toEqual([]);
  });

  it("has one for every request where that is asked for", async () => {
    const routing = new TestRouting({
      transport: new FakeTransport(answers()),
      endpoints: [two],
      logsEveryRequest: true,
    });
    await routing.invoke();
    expect(routing.logged).toMatchObject([{ level: "info", message: "request", fields: { outcome: "served" } }]);
  });
});

describe("a service that drains", () => {
  it("lets what is under way end, and refuses what is new", async () => {
    const transport = new FakeTransport(hangs);
    const routing = new TestRouting({ transport, endpoints: [alone] });
    const answer = routing.invoke();
    await expect.poll(() => transport.exchanges.length).toBe(1);
    const drained = routing.host.activeCalls.drain(10_000);
    await expect(routing.invoke()).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING" });
    const [exchange] = transport.exchanges;
    if (exchange !== undefined) {
      answers()(exchange);
    }
    await expect(answer).resolves.toHaveProperty("trail");
    await drained;
  });

  it("ends what is left when the time is over", async () => {
    const transport = new FakeTransport(hangs);
    const routing = new TestRouting({ transport, endpoints: [alone] });
    const answer = routing.invoke().catch((thrown: RpcError) => thrown);
    await expect.poll(() => transport.exchanges.length).toBe(1);
    await routing.host.activeCalls.drain(20);
    expect(await answer).toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING" });
    expect(transport.exchanges[0]?.isAborted).toBe(true);
  });
});
