import { beforeEach, describe, expect, it } from "vitest";
import { type configV1, errorsV1, googleRpc } from "#contracts";
import type { RpcError } from "#rpc";
import { type MappingSketch, quickRetries } from "../testing/config-messages.ts";
import { expectSpansToTell, trailOf } from "../testing/expect-spans.ts";
import { answers, answersWith, breaks, FakeTransport, hangs, type Play, refuses } from "../testing/fake-transport.ts";
import { type HeldTime, holdTime } from "../testing/hold-time.ts";
import { inShort, TestRouting } from "../testing/test-routing.ts";

const { FailureClass } = errorsV1;

interface Scenario {
  readonly when: string;
  readonly plays: readonly Play[];
  readonly policy?: Partial<configV1.Policy>;
  /** Default: `one` PRIMARY, `two` FALLBACK. */
  readonly targets?: readonly MappingSketch[];
  /** What the caller reads in the trail. */
  readonly trail: readonly string[];
  /** Undefined: it is served. */
  readonly error?: { readonly code: string; readonly reason: string; readonly httpStatus: number };
}

const two: readonly MappingSketch[] = [{ model: "one" }, { model: "two", fallback: 1 }];
const alone: readonly MappingSketch[] = [{ model: "one" }];
const exhausted = { code: "UNAVAILABLE", reason: "TARGETS_EXHAUSTED", httpStatus: 502 };
const timedOut = { code: "DEADLINE_EXCEEDED", reason: "TARGETS_EXHAUSTED", httpStatus: 504 };
const callerFault = { code: "INVALID_ARGUMENT", reason: "CALLER_FAULT" };
const timeouts = (fields: Partial<configV1.Timeouts>) => ({ timeouts: fields });
const onlyNext = { retries: quickRetries(0) };

const scenarios: readonly Scenario[] = [
  {
    when: "a caller's fault",
    plays: [refuses(422)],
    trail: ["1 fake/one 422 STOP"],
    error: { ...callerFault, httpStatus: 422 },
  },
  {
    when: "a prompt too long, and no window that is larger",
    plays: [refuses(413)],
    targets: [
      { model: "one", contextWindow: 8000 },
      { model: "two", fallback: 1, contextWindow: 4000 },
      { model: "three", fallback: 2 },
    ],
    trail: ["1 fake/one 413 STOP"],
    error: { ...callerFault, httpStatus: 413 },
  },
  {
    when: "a prompt too long, and a larger window further on",
    plays: [refuses(413), answers()],
    targets: [
      { model: "one", contextWindow: 8000 },
      { model: "two", fallback: 1, contextWindow: 8000 },
      { model: "three", fallback: 2, contextWindow: 9000 },
    ],
    trail: ["1 fake/one 413 NEXT", "2 fake/three 200 SERVED"],
  },
  {
    when: "a content filter",
    plays: [refuses(451)],
    trail: ["1 fake/one 451 STOP"],
    error: { ...callerFault, httpStatus: 451 },
  },
  {
    when: "a content filter that fallback_on names",
    plays: [refuses(451), answers()],
    policy: { fallbackOn: { add: [FailureClass.CALLER_CONTENT_POLICY], remove: [] } },
    trail: ["1 fake/one 451 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "a rejected credential",
    plays: [refuses(401), answers()],
    trail: ["1 fake/one 401 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "an unknown model",
    plays: [refuses(404), answers()],
    trail: ["1 fake/one 404 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "an overloaded target, after as many retries as there may be",
    plays: [refuses(503), refuses(503), refuses(503), answers()],
    policy: { retries: quickRetries(2) },
    trail: ["1 fake/one 503 RETRY", "2 fake/one 503 RETRY", "3 fake/one 503 NEXT", "4 fake/two 200 SERVED"],
  },
  {
    when: "a target that fails once",
    plays: [refuses(500), answers()],
    trail: ["1 fake/one 500 RETRY", "2 fake/one 200 SERVED"],
  },
  {
    when: "a class that retry_on takes away",
    plays: [refuses(500), answers()],
    policy: { retryOn: { add: [], remove: [FailureClass.PROVIDER_ERROR] } },
    trail: ["1 fake/one 500 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "a connection that is lost more than once",
    plays: [breaks("reset"), breaks("reset"), answers()],
    policy: { retries: quickRetries(5) },
    trail: ["1 fake/one 0 RETRY", "2 fake/one 0 NEXT", "3 fake/two 200 SERVED"],
  },
  {
    when: "a connection that takes too long",
    plays: [breaks("connect_timeout"), answers()],
    trail: ["1 fake/one 0 RETRY", "2 fake/one 200 SERVED"],
  },
  {
    when: "an answer that never begins",
    plays: [hangs, answers()],
    policy: timeouts({ attemptMs: 40 }),
    trail: ["1 fake/one 0 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "a first byte that does not come in its time",
    plays: [hangs, answers()],
    policy: timeouts({ firstByteMs: 30 }),
    trail: ["1 fake/one 0 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "nothing but blank lines, which are no first byte",
    plays: [(exchange) => void exchange.head(200).data("\n\n"), answers()],
    policy: timeouts({ firstByteMs: 30, attemptMs: 60_000 }),
    trail: ["1 fake/one 200 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "blank lines before an answer",
    plays: [(exchange) => void exchange.head(200).data("\n\n").data('{"text":"hello"}').end()],
    trail: ["1 fake/one 200 SERVED"],
  },
  {
    when: "a body that drips for ever",
    plays: [(exchange) => void exchange.head(200).data("{"), answers()],
    policy: timeouts({ firstByteMs: 30, attemptMs: 60 }),
    trail: ["1 fake/one 200 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "an answer that is no JSON",
    plays: [(exchange) => void exchange.head(200).data("<html>").end(), answers()],
    trail: ["1 fake/one 200 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "an error inside a 200",
    plays: [answersWith({ error: "PROVIDER_OVERLOADED" }), answers()],
    policy: onlyNext,
    trail: ["1 fake/one 200 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "a connection that breaks within the answer",
    plays: [(exchange) => void exchange.head(200).data("{").fail("reset"), answers()],
    policy: onlyNext,
    trail: ["1 fake/one 200 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "a rate limit: moves on at once, whatever the provider asks",
    plays: [refuses(429, { "retry-after-ms": "5000" }), answers()],
    trail: ["1 fake/one 429 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "a rate limit: comes back when everything else has failed",
    plays: [refuses(429, { "retry-after-ms": "30" }), refuses(404), answers()],
    trail: ["1 fake/one 429 NEXT", "2 fake/two 404 NEXT", "3 fake/one 200 SERVED"],
  },
  {
    when: "a rate limit on the only target",
    plays: [refuses(429, { "retry-after-ms": "30" }), answers()],
    targets: alone,
    trail: ["1 fake/one 429 RETRY", "2 fake/one 200 SERVED"],
  },
  {
    when: "a rate limit longer than max_backoff",
    plays: [refuses(429, { "retry-after-ms": "60000" })],
    targets: alone,
    trail: ["1 fake/one 429 EXHAUSTED"],
    error: { code: "RESOURCE_EXHAUSTED", reason: "TARGETS_RATE_LIMITED", httpStatus: 429 },
  },
  {
    when: "a rate limit longer than the deadline",
    plays: [refuses(429, { "retry-after-ms": "45" })],
    targets: alone,
    policy: timeouts({ deadlineMs: 40 }),
    trail: ["1 fake/one 429 EXHAUSTED"],
    error: { code: "RESOURCE_EXHAUSTED", reason: "TARGETS_RATE_LIMITED", httpStatus: 429 },
  },
  {
    when: "an overloaded target that asks for time: others first",
    plays: [refuses(503, { "retry-after-ms": "20" }), refuses(404), answers()],
    trail: ["1 fake/one 503 NEXT", "2 fake/two 404 NEXT", "3 fake/one 200 SERVED"],
  },
  {
    when: "a retry that would take the budget of a target not tried yet",
    plays: [refuses(503), refuses(503), refuses(503)],
    policy: { retries: quickRetries(5), maxTotalAttempts: 3 },
    trail: ["1 fake/one 503 RETRY", "2 fake/one 503 NEXT", "3 fake/two 503 EXHAUSTED"],
    error: exhausted,
  },
  {
    when: "everything fails in different ways",
    plays: [refuses(401), refuses(404)],
    trail: ["1 fake/one 401 NEXT", "2 fake/two 404 EXHAUSTED"],
    error: exhausted,
  },
  {
    when: "no target answers in time",
    plays: [hangs],
    policy: timeouts({ attemptMs: 25 }),
    trail: ["1 fake/one 0 NEXT", "2 fake/two 0 EXHAUSTED"],
    error: timedOut,
  },
  {
    when: "the deadline passes",
    plays: [hangs],
    policy: timeouts({ deadlineMs: 40 }),
    trail: ["1 fake/one 0 EXHAUSTED"],
    error: { code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", httpStatus: 504 },
  },
  {
    when: "no target can be reached",
    plays: [breaks("refused"), breaks("dns")],
    policy: onlyNext,
    trail: ["1 fake/one 0 NEXT", "2 fake/two 0 EXHAUSTED"],
    error: { code: "UNAVAILABLE", reason: "TARGETS_UNREACHABLE", httpStatus: 503 },
  },
  {
    when: "a caller's fault after another failure",
    plays: [refuses(404), refuses(400)],
    trail: ["1 fake/one 404 NEXT", "2 fake/two 400 STOP"],
    error: { ...callerFault, httpStatus: 400 },
  },
  {
    when: "a provider that this build does not know",
    plays: [answers()],
    targets: [
      { model: "one", provider: "newer" },
      { model: "two", fallback: 1 },
    ],
    trail: ["1 newer/one 0 NEXT", "2 fake/two 200 SERVED"],
  },
  {
    when: "a secret that is not there",
    plays: [answers()],
    targets: [
      { model: "one", secretId: "s-gone" },
      { model: "two", fallback: 1 },
    ],
    trail: ["1 fake/one 0 NEXT", "2 fake/two 200 SERVED"],
  },
];

let time: HeldTime;
beforeEach(() => {
  time = holdTime();
});

describe.each(scenarios)("when there is $when", ({ plays, policy = {}, targets = two, trail, error }) => {
  const quick = { retries: quickRetries(1), ...policy };

  it("tells caller, upstream and trace the same", async () => {
    const transport = new FakeTransport(...plays);
    const routing = new TestRouting({ transport, endpoints: [{ targets, policy: quick }] });
    const outcome = await time.passUntil(routing.invoke().catch((thrown: RpcError) => thrown));

    const told = "body" in outcome ? outcome.trail : trailOf(outcome);
    expect(inShort(told)).toEqual(trail);
    if (error === undefined) {
      expect(outcome).toHaveProperty("contentType", "application/json");
    } else {
      expect(outcome).toMatchObject({
        code: error.code,
        reason: error.reason,
        metadata: { http_status: String(error.httpStatus), endpoint: "chat", revision: "7" },
      });
    }
    const asked = trail.filter((line) => !line.includes("newer/")).map((line) => line.split(" ")[1]?.split("/")[1]);
    expect(transport.models).toEqual(targets[0]?.secretId === undefined ? asked : asked.slice(1));
    expectSpansToTell(routing, told);
  });
});

describe("a request that nothing served", () => {
  it("tells the provider's words only of the caller's own fault", async () => {
    const endpoints = [{ targets: two, policy: onlyNext }];
    const fault = await new TestRouting({ transport: new FakeTransport(refuses(422)), endpoints })
      .invoke()
      .catch((thrown: RpcError) => thrown);
    expect(fault).toMatchObject({
      message: "refused by one",
      metadata: { type: "invalid_request_error", code: "bad", param: "messages", class: "CALLER_INVALID_REQUEST" },
    });
    const failure = await new TestRouting({ transport: new FakeTransport(refuses(500)), endpoints })
      .invoke()
      .catch((thrown: RpcError) => thrown);
    expect((failure as RpcError).message).toBe(
      "No target of endpoint chat could answer. fake/one: PROVIDER_ERROR 500; fake/two: PROVIDER_ERROR 500.",
    );
  });

  it("gives the smallest Retry-After when all are rate limited", async () => {
    const transport = new FakeTransport(
      refuses(429, { "retry-after-ms": "90000" }),
      refuses(429, { "retry-after-ms": "30000" }),
    );
    const routing = new TestRouting({ transport, endpoints: [{ targets: two, policy: onlyNext }] });
    const error = (await routing.invoke().catch((thrown: RpcError) => thrown)) as RpcError;
    const retryInfo = error.detail("google.rpc.RetryInfo", googleRpc.RetryInfo);
    const seconds = Number(retryInfo?.retryDelay?.seconds) + (retryInfo?.retryDelay?.nanos ?? 0) / 1e9;
    expect(seconds).toBeGreaterThan(25);
    expect(seconds).toBeLessThanOrEqual(30);
  });

  it("takes a status that came although its body did not", async () => {
    const transport = new FakeTransport((exchange) => void exchange.head(503).data("par").fail("reset"), answers());
    const routing = new TestRouting({ transport, endpoints: [{ targets: two, policy: onlyNext }] });
    const { trail } = await routing.invoke();
    expect(inShort(trail)).toEqual(["1 fake/one 503 NEXT", "2 fake/two 200 SERVED"]);
  });
});
