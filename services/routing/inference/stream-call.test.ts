import { beforeEach, describe, expect, it } from "vitest";
import { configV1, errorsV1, inferenceV1 } from "#contracts";
import type { TransportFailure } from "#providers";
import type { RpcError } from "#rpc";
import type { MappingSketch } from "../testing/config-messages.ts";
import { quickRetries } from "../testing/config-messages.ts";
import { expectSpansToTell, trailOf } from "../testing/expect-spans.ts";
import { fakeProvider } from "../testing/fake-provider.ts";
import {
  breaks,
  type FakeExchange,
  FakeTransport,
  hangs,
  type Play,
  refuses,
  streams,
} from "../testing/fake-transport.ts";
import { type HeldTime, holdTime } from "../testing/hold-time.ts";
import { inShort, TestRouting } from "../testing/test-routing.ts";

const chunk = (members: Readonly<Record<string, unknown>>) => `data: ${JSON.stringify(members)}\n\n`;
const role = chunk({ role: "assistant" });
const text = (value: string) => chunk({ text: value, model: "model-0001" });
const finish = chunk({ finish: "stop" });
const usage = chunk({ usage: { inputTokens: 4, outputTokens: 2 } });
const done = "data: [DONE]\n\n";
const whole = [role, text("he"), text("llo"), finish, usage, done];
const two: readonly MappingSketch[] = [{ model: "one" }, { model: "two", fallback: 1 }];
const stalls = (...pieces: readonly string[]): Play => {
  return (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      exchange.data(piece);
    }
  };
};
const isCutBy = (failure: TransportFailure, ...pieces: readonly string[]): Play => {
  return (exchange) => {
    stalls(...pieces)(exchange);
    exchange.fail(failure);
  };
};
const complete = { streamMode: configV1.StreamMode.COMPLETE };

interface Scenario {
  readonly when: string;
  readonly plays: readonly Play[];
  readonly policy?: Partial<configV1.Policy>;
  readonly trail: readonly string[];
  /** What the caller reads; served unless `error` is given. */
  readonly text: string;
  readonly error?: { readonly code: string; readonly reason: string; readonly class?: string };
}

const served = role + text("he") + text("llo") + finish + done;
const servedByTwo = (reason: string) => [`1 fake/one ${reason} NEXT`, "2 fake/two 200 SERVED"];
const broken = (failureClass: string) => ({ code: "UNAVAILABLE", reason: "STREAM_BROKEN", class: failureClass });

const scenarios: readonly Scenario[] = [
  { when: "a whole stream", plays: [streams(...whole)], trail: ["1 fake/one 200 SERVED"], text: served },
  {
    when: "a whole stream, event by event in any pieces",
    plays: [streams(...(whole.join("").match(/[\s\S]{1,3}/g) ?? []))],
    trail: ["1 fake/one 200 SERVED"],
    text: served,
  },
  {
    when: "an error status before any event",
    plays: [refuses(503), streams(...whole)],
    trail: servedByTwo("503"),
    text: served,
  },
  {
    when: "an error as the first event of a 200",
    plays: [streams(chunk({ error: "PROVIDER_OVERLOADED" }), done), streams(...whole)],
    trail: servedByTwo("200"),
    text: served,
  },
  {
    when: "an error right after the role",
    plays: [streams(role, chunk({ error: "PROVIDER_ERROR" })), streams(...whole)],
    trail: servedByTwo("200"),
    text: served,
  },
  {
    when: "a cut before any output",
    plays: [streams(role), streams(...whole)],
    trail: servedByTwo("200"),
    text: served,
  },
  { when: "an empty 200", plays: [streams(), streams(...whole)], trail: servedByTwo("200"), text: served },
  {
    when: "an end marker without any output or finish",
    plays: [streams(role, done), streams(...whole)],
    trail: servedByTwo("200"),
    text: served,
  },
  {
    when: "a connection that cannot be made",
    plays: [breaks("refused"), streams(...whole)],
    trail: servedByTwo("0"),
    text: served,
  },
  {
    when: "a stream that never begins",
    plays: [hangs, streams(...whole)],
    policy: { timeouts: { firstTokenMs: 40 } },
    trail: servedByTwo("0"),
    text: served,
  },
  {
    when: "a stream that is silent after its role",
    plays: [stalls(role), streams(...whole)],
    policy: { timeouts: { firstTokenMs: 40 } },
    trail: servedByTwo("200"),
    text: served,
  },
  {
    when: "a JSON error where a stream was asked for",
    plays: [
      (exchange) => void exchange.head(200).data('{"error":"PROVIDER_QUOTA_EXHAUSTED"}').end(),
      streams(...whole),
    ],
    trail: servedByTwo("200"),
    text: served,
  },
  {
    when: "a cut after the commit",
    plays: [streams(role, text("he")), streams(...whole)],
    trail: ["1 fake/one 200 STOP"],
    text: role + text("he"),
    error: broken("PROVIDER_STREAM_TRUNCATED"),
  },
  {
    when: "a reset after the commit",
    plays: [isCutBy("reset", role, text("he"))],
    trail: ["1 fake/one 200 STOP"],
    text: role + text("he"),
    error: broken("PROVIDER_STREAM_TRUNCATED"),
  },
  {
    when: "an error event after the commit",
    plays: [streams(text("he"), text("l") + chunk({ error: "PROVIDER_ERROR" }), done)],
    trail: ["1 fake/one 200 STOP"],
    text: text("he") + text("l"),
    error: broken("PROVIDER_ERROR"),
  },
  {
    when: "silence after the commit",
    plays: [stalls(text("he"))],
    policy: { timeouts: { idleMs: 40, firstTokenMs: 10_000 } },
    trail: ["1 fake/one 200 STOP"],
    text: text("he"),
    error: broken("PROVIDER_TIMEOUT_IDLE"),
  },
  {
    when: "a finish without usage, end marker or end of the body",
    plays: [stalls(text("he"), finish)],
    trail: ["1 fake/one 200 SERVED"],
    text: text("he") + finish + done,
  },
  {
    when: "a reset after the finish",
    plays: [isCutBy("reset", text("he"), finish)],
    trail: ["1 fake/one 200 SERVED"],
    text: text("he") + finish + done,
  },
  {
    when: "an error after the finish",
    plays: [streams(text("he"), finish, chunk({ error: "PROVIDER_ERROR" }))],
    trail: ["1 fake/one 200 SERVED"],
    text: text("he") + finish + done,
  },
  {
    when: "a finish without any output",
    plays: [streams(role, finish, done)],
    trail: ["1 fake/one 200 SERVED"],
    text: role + finish + done,
  },
  {
    when: "an end without its marker",
    plays: [streams(text("he"), finish)],
    trail: ["1 fake/one 200 SERVED"],
    text: text("he") + finish + done,
  },
  {
    when: "a cut in complete mode, after output",
    plays: [streams(role, text("half")), streams(...whole)],
    policy: complete,
    trail: servedByTwo("200"),
    text: served,
  },
  {
    when: "silence in complete mode, after output",
    plays: [stalls(role, text("half")), streams(...whole)],
    policy: { ...complete, timeouts: { idleMs: 40, firstTokenMs: 10_000 } },
    trail: servedByTwo("200"),
    text: served,
  },
  {
    when: "first_token in complete mode, which ends at the first output",
    plays: [
      (exchange) => {
        stalls(role, text("he"))(exchange);
        setTimeout(() => exchange.data(text("llo") + finish + done).end(), 80);
      },
    ],
    policy: { ...complete, timeouts: { firstTokenMs: 40 } },
    trail: ["1 fake/one 200 SERVED"],
    text: served,
  },
  {
    when: "more start-up events than are held",
    plays: [streams(...Array.from({ length: 64 }, () => role)), streams(...whole)],
    trail: ["1 fake/one 200 STOP"],
    text: role.repeat(64),
    error: broken("PROVIDER_STREAM_TRUNCATED"),
  },
  {
    when: "nothing that serves",
    plays: [refuses(503), streams(role)],
    trail: ["1 fake/one 503 NEXT", "2 fake/two 200 EXHAUSTED"],
    text: "",
    error: { code: "UNAVAILABLE", reason: "TARGETS_EXHAUSTED" },
  },
];

let time: HeldTime;
beforeEach(() => {
  time = holdTime();
});

describe.each(scenarios)("when there is $when", ({ plays, policy = {}, trail, text: expected, error }) => {
  it("tells caller, upstream and trace the same", async () => {
    const transport = new FakeTransport(...plays);
    const endpoints = [{ targets: two, policy: { retries: quickRetries(0), ...policy } }];
    const routing = new TestRouting({ transport, endpoints });
    const seen = await time.passUntil(routing.readStream());

    expect(seen.text).toBe(expected);
    const told = seen.error === undefined ? seen.finalTrail : trailOf(seen.error);
    expect(inShort(told)).toEqual(trail);
    expect(transport.models).toEqual(trail.map((line) => line.split(" ")[1]?.split("/")[1]));
    expectSpansToTell(routing, told);
    if (error === undefined) {
      expect(seen.error).toBeUndefined();
      expect(inShort(seen.head?.trail)).toEqual(trail);
      expect(seen.head?.contentType).toContain("text/event-stream");
    } else {
      expect(seen.error).toMatchObject({ code: error.code, reason: error.reason });
      expect(seen.error?.metadata.class).toBe(error.class);
      expect(seen.finalTrail).toBeUndefined();
      expect(seen.head === undefined).toBe(expected === "");
    }
  });
});

describe("usage", () => {
  it("is kept from a caller who did not ask for it, and recorded all the same", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(streams(...whole)), endpoints: [{ targets: two }] });
    const seen = await routing.readStream();
    expect(seen.text).not.toContain("inputTokens");
    expect(seen.finalTrail?.attempts).toMatchObject([{ inputTokens: 4n, outputTokens: 2n }]);
    expect(routing.attemptSpans[0]?.attributes).toMatchObject({
      "gen_ai.usage.input_tokens": 4,
      "gen_ai.response.model": "model-0001",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.response.time_to_first_chunk": expect.any(Number),
    });
  });

  it("comes with the trail to a caller who asked for it", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(streams(...whole)), endpoints: [{ targets: two }] });
    const seen = await routing.readStream({ members: { stream_options: { include_usage: true } } });
    const event = seen.text.split("\n\n").find((line) => line.includes("inputTokens"));
    expect(JSON.parse(event?.slice("data: ".length) ?? "")).toMatchObject({
      spillway: { endpoint: "chat", revision: 7, attempts: [{ index: 1, target: "fake/one", class: "SERVED" }] },
      usage: { inputTokens: 4, outputTokens: 2 },
    });
  });

  it("comes with the trail too where the provider tells it together with the finish reason", async () => {
    const finish = 'data: {"finish":"stop","usage":{"inputTokens":4,"outputTokens":2}}\n\n';
    const transport = new FakeTransport(streams('data: {"text":"hello"}\n\n', finish, "data: [DONE]\n\n"));
    const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
    const asked = await routing.readStream({ members: { stream_options: { include_usage: true } } });
    expect(JSON.parse(asked.text.split("\n\n")[1]?.slice("data: ".length) ?? "")).toMatchObject({
      spillway: { endpoint: "chat", attempts: [{ target: "fake/one" }] },
      finish: "stop",
    });
    expect((await routing.readStream()).text).not.toContain("spillway");
  });
});

describe("a reader", () => {
  const endpoints = [{ targets: two, policy: { timeouts: { idleMs: 60 } } }];
  const filler = text("x".repeat(64 * 1024));

  it("who is slow stops the provider, whose silence then counts for nothing, and loses nothing", async () => {
    const transport = new FakeTransport(stalls(text("a"), filler, filler, filler, filler, filler));
    const routing = new TestRouting({ transport, endpoints });
    const reader = routing.stream()[Symbol.asyncIterator]();
    await reader.next();
    const [exchange] = transport.exchanges as [FakeExchange];
    expect(exchange.isPaused).toBe(true);
    time.advance(150);
    expect(exchange.isAborted).toBe(false);
    let seen = "";
    for (let reads = 0; reads < 6; reads += 1) {
      const { value } = await reader.next();
      if (value?.event?.$case === "data") {
        seen += value.event.value.toString();
      }
    }
    expect(exchange.isPaused).toBe(false);
    expect(seen).toBe(text("a") + filler.repeat(5));
    await expect(time.passUntil(reader.next())).rejects.toMatchObject({ metadata: { class: "PROVIDER_TIMEOUT_IDLE" } });
  });

  it("who is slow at the end of an answer still gets what follows its finish reason", async () => {
    const transport = new FakeTransport(stalls(text("a"), filler, filler, filler, filler, filler, finish));
    const routing = new TestRouting({ transport, endpoints });
    const reader = routing.stream({ members: { stream_options: { include_usage: true } } })[Symbol.asyncIterator]();
    await reader.next();
    const [exchange] = transport.exchanges as [FakeExchange];
    expect(exchange.isPaused).toBe(true);
    // Longer than an answer that has its finish reason is waited for.
    time.advance(2_200);
    expect(exchange.isAborted).toBe(false);
    let seen = "";
    for (let reads = 0; reads < 7; reads += 1) {
      const { value } = await reader.next();
      if (value?.event?.$case === "data") {
        seen += value.event.value.toString();
      }
    }
    exchange.data(usage + done).end();
    for (let next = await reader.next(); next.done !== true; next = await reader.next()) {
      if (next.value.event?.$case === "data") {
        seen += next.value.event.value.toString();
      }
    }
    expect(seen).toContain('"inputTokens":4');
    expect(seen.endsWith(done)).toBe(true);
  });

  it("who leaves ends the call at the provider at once", async () => {
    const transport = new FakeTransport(stalls(text("a")));
    const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
    for await (const { event } of routing.stream()) {
      if (event?.$case === "data") {
        break;
      }
    }
    expect(transport.exchanges.map(({ isAborted }) => isAborted)).toEqual([true]);
    expect(routing.attemptSpans).toMatchObject([
      {
        attributes: {
          "spillway.attempt.failure_class": "CALLER_CANCELLED",
          "spillway.attempt.decision": "cancelled",
        },
      },
    ]);
    expect(routing.requestSpan?.attributes["spillway.outcome"]).toBe("cancelled");
  });

  it("whose call is aborted hears of it, and the provider's call ends", async () => {
    const leaving = new AbortController();
    const transport = new FakeTransport(stalls(text("a")));
    const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
    const seen = routing.readStream({ signal: leaving.signal });
    await expect.poll(() => transport.exchanges.length).toBe(1);
    leaving.abort();
    expect((await seen).error).toMatchObject({ code: "CANCELLED" });
    expect(transport.exchanges[0]?.isAborted).toBe(true);
  });

  it("is told why when the service ends before the answer does", async () => {
    const transport = new FakeTransport(stalls(text("a")));
    const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
    const seen = routing.readStream();
    await expect.poll(() => transport.exchanges.length).toBe(1);
    await time.passUntil(routing.host.activeCalls.drain(20));
    expect(await seen).toMatchObject({ error: { code: "UNAVAILABLE", reason: "DRAINING" } });
    expect(transport.exchanges[0]?.isAborted).toBe(true);
  });

  it("who never reads costs no call", () => {
    const transport = new FakeTransport(streams(...whole));
    new TestRouting({ transport, endpoints: [{ targets: two }] }).stream();
    expect(transport.exchanges).toEqual([]);
  });
});

describe("limits of a committed stream", () => {
  it("are neither the attempt's nor the policy's deadline", async () => {
    const transport = new FakeTransport((exchange) => {
      stalls(text("he"))(exchange);
      setTimeout(() => exchange.data(finish + done).end(), 120);
    });
    const policy = { timeouts: { attemptMs: 60, deadlineMs: 60 } };
    const routing = new TestRouting({ transport, endpoints: [{ targets: two, policy }] });
    const seen = await time.passUntil(routing.readStream());
    expect(seen.text).toBe(text("he") + finish + done);
  });

  it("include the deadline that the caller set itself", async () => {
    const transport = new FakeTransport(stalls(text("he")));
    const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
    const seen = await time.passUntil(routing.readStream({ headers: { "x-spillway-deadline-ms": "60" } }));
    expect(seen.text).toBe(text("he"));
    expect(seen.error).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "STREAM_BROKEN" });
    expect(transport.exchanges[0]?.isAborted).toBe(true);
  });

  it("end a finished answer whole at that deadline, when the provider says nothing more", async () => {
    const transport = new FakeTransport(stalls(text("he"), finish));
    const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
    const startedAtMs = performance.now();
    const seen = await time.passUntil(routing.readStream({ headers: { "x-spillway-deadline-ms": "60" } }));
    expect(performance.now() - startedAtMs).toBeLessThanOrEqual(61);
    expect(seen).toMatchObject({ text: text("he") + finish + done, error: undefined });
    expect(transport.exchanges[0]?.isAborted).toBe(true);
  });

  it("let comments re-arm idle, but only for as long as an attempt may take", async () => {
    const transport = new FakeTransport((exchange) => {
      stalls(text("he"))(exchange);
      const comments = setInterval(() => {
        if (exchange.isAborted) {
          clearInterval(comments);
        }
        exchange.data(": ping\n\n");
      }, 10);
    });
    const policy = { timeouts: { idleMs: 60, attemptMs: 150 } };
    const startedAtMs = performance.now();
    const routing = new TestRouting({ transport, endpoints: [{ targets: two, policy }] });
    const seen = await time.passUntil(routing.readStream());
    expect(seen.error?.metadata.class).toBe("PROVIDER_TIMEOUT_IDLE");
    expect(performance.now() - startedAtMs).toBeGreaterThan(150);
    expect(seen.text.replaceAll(": ping\n\n", "")).toBe(text("he"));
  });

  it("do not let comments stand for output before the commit", async () => {
    const transport = new FakeTransport(
      (exchange) => {
        stalls(...Array.from({ length: 100 }, () => ": ping\n\n"))(exchange);
      },
      streams(...whole),
    );
    const policy = { timeouts: { firstTokenMs: 40 } };
    const routing = new TestRouting({ transport, endpoints: [{ targets: two, policy }] });
    expect(inShort((await time.passUntil(routing.readStream())).finalTrail)).toEqual(servedByTwo("200"));
  });
});

describe("the connection of a stream that is over", () => {
  it("is left to end by itself, so that it can be used again", async () => {
    const transport = new FakeTransport(stalls(text("he"), finish, done));
    const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
    expect((await time.passUntil(routing.readStream())).error).toBeUndefined();
    expect(transport.exchanges[0]?.isAborted).toBe(false);
    time.advance(2_000);
    expect(transport.exchanges[0]?.isAborted).toBe(true);
  });
});

describe("a request that is at fault", () => {
  it.each([
    ["no JSON", Buffer.from("{"), undefined],
    ["no messages", Buffer.from('{"model":"chat","stream":true}'), "messages"],
    ["a stream flag that contradicts the method", Buffer.from('{"model":"chat","messages":[{}]}'), "stream"],
  ])("with %s is refused before anything is called", async (_name, body, param) => {
    const transport = new FakeTransport(streams(...whole));
    const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
    const call = routing.inference.streamInvoke({
      endpoint: "chat",
      dialect: inferenceV1.Dialect.OPENAI_CHAT,
      body,
      headers: {},
    });
    const error = await call[Symbol.asyncIterator]()
      .next()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_BODY", metadata: { http_status: "400" } });
    expect((error as { metadata: { param?: string } }).metadata.param).toBe(param);
    expect(transport.exchanges).toEqual([]);
  });
});

it("a fault of the gateway itself ends the call and is logged, and nobody waits for ever", async () => {
  const decoder = { push: () => fault(), end: () => fault(), hasWholeChoices: false };
  const provider = { ...fakeProvider, createStreamDecoder: () => decoder };
  const fault = (): never => {
    throw new Error("a bug");
  };
  const routing = new TestRouting({
    transport: new FakeTransport(streams(...whole)),
    endpoints: [{ targets: two }],
    provider,
  });
  const { error } = await routing.readStream();
  expect(error).toMatchObject({ code: "INTERNAL", reason: "INTERNAL", metadata: { http_status: "500" } });
  expect(error?.message).not.toContain("a bug");
  expect(inShort(trailOf(error as RpcError))).toEqual(["1 fake/one 200 STOP"]);
  expect(routing.logged).toContainEqual(expect.objectContaining({ level: "error" }));
});

it("an in-stream fault of the caller is told in the provider's words and stops the chain", async () => {
  const transport = new FakeTransport(streams(chunk({ error: "CALLER_CONTENT_POLICY" })), streams(...whole));
  const routing = new TestRouting({ transport, endpoints: [{ targets: two }] });
  const { error } = await routing.readStream();
  expect(error).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "CALLER_FAULT",
    metadata: { http_status: "400", class: "CALLER_CONTENT_POLICY" },
  });
  expect(errorsV1.FailureClass.CALLER_CONTENT_POLICY).toBe(trailOf(error as RpcError)?.attempts[0]?.failureClass);
});
