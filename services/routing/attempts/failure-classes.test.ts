import { describe, expect, it } from "vitest";
import { configV1, errorsV1 } from "#contracts";
import type { RpcError } from "#rpc";
import { quickRetries } from "../testing/config-messages.ts";
import { expectSpansToTell, trailOf } from "../testing/expect-spans.ts";
import { answers, answersWith, breaks, FakeTransport, hangs, type Play, streams } from "../testing/fake-transport.ts";
import { holdTime } from "../testing/hold-time.ts";
import { TestRouting } from "../testing/test-routing.ts";

const { FailureClass } = errorsV1;
type ClassName = Exclude<keyof typeof FailureClass, "UNSPECIFIED" | "UNRECOGNIZED">;

/** What comes of a class when it is all that the first of two targets has to give, with up to two retries. */
interface Row {
  readonly failureClass: ClassName;
  /** How it comes about; default: a provider that says so. */
  readonly play?: Play;
  readonly timeouts?: object;
  /** The calls that are made, by target. */
  readonly calls: readonly string[];
  readonly hurts: "no" | "breaker" | "cools" | "breaker and cools";
}

const cutStream: Play = (exchange) =>
  void exchange.head(200, { "content-type": "text/event-stream" }).data('data: {"role":"assistant"}\n\n').end();
const idleStream: Play = (exchange) =>
  void exchange.head(200, { "content-type": "text/event-stream" }).data('data: {"text":"he"}\n\n');
const wholeStream = streams('data: {"text":"hello"}\n\n', 'data: {"finish":"stop"}\n\n');
const only = ["one"];
const next = ["one", "two"];
const twice = ["one", "one", "two"];
const thrice = ["one", "one", "one", "two"];

/** Every row of the table of failures, as a request sees it. What is missing here is no outcome of a call: see below. */
const rows: readonly Row[] = [
  { failureClass: "CALLER_INVALID_REQUEST", calls: only, hurts: "no" },
  { failureClass: "CALLER_CONTEXT_LENGTH_EXCEEDED", calls: only, hurts: "no" },
  { failureClass: "CALLER_CONTENT_POLICY", calls: only, hurts: "no" },
  { failureClass: "POLICY_RATE_LIMITED", calls: only, hurts: "no" },
  { failureClass: "POLICY_BUDGET_EXCEEDED", calls: only, hurts: "no" },
  { failureClass: "POLICY_GUARDRAIL_BLOCKED", calls: only, hurts: "no" },
  { failureClass: "POLICY_FORBIDDEN", calls: only, hurts: "no" },
  { failureClass: "PROVIDER_RATE_LIMITED", calls: next, hurts: "cools" },
  { failureClass: "PROVIDER_QUOTA_EXHAUSTED", calls: next, hurts: "breaker and cools" },
  { failureClass: "PROVIDER_CREDENTIALS_REJECTED", calls: next, hurts: "breaker" },
  { failureClass: "PROVIDER_MODEL_NOT_FOUND", calls: next, hurts: "breaker" },
  { failureClass: "PROVIDER_OVERLOADED", calls: thrice, hurts: "breaker" },
  { failureClass: "PROVIDER_ERROR", calls: thrice, hurts: "breaker" },
  { failureClass: "PROVIDER_TIMEOUT_CONNECT", play: breaks("connect_timeout"), calls: thrice, hurts: "breaker" },
  {
    failureClass: "PROVIDER_TIMEOUT_FIRST_TOKEN",
    play: hangs,
    timeouts: { firstByteMs: 20, firstTokenMs: 20 },
    calls: next,
    hurts: "breaker",
  },
  { failureClass: "PROVIDER_TIMEOUT_TOTAL", play: hangs, timeouts: { attemptMs: 20 }, calls: next, hurts: "breaker" },
  { failureClass: "PROVIDER_NETWORK", play: breaks("reset"), calls: twice, hurts: "breaker" },
  { failureClass: "PROVIDER_BAD_RESPONSE", calls: next, hurts: "breaker" },
  { failureClass: "GATEWAY_INTERNAL", calls: only, hurts: "no" },
];

/** Outcomes of calls that only streams have. */
const streamRows: readonly Row[] = [
  { failureClass: "PROVIDER_STREAM_TRUNCATED", play: cutStream, calls: next, hurts: "breaker" },
  { failureClass: "PROVIDER_TIMEOUT_IDLE", play: idleStream, timeouts: { idleMs: 20 }, calls: next, hurts: "breaker" },
];

/** Told by other suites: the caller leaves, a place is missing, a hedge loses. */
const elsewhere: readonly ClassName[] = ["CALLER_CANCELLED", "TARGET_SATURATED", "HEDGE_LOST"];

const healthOf = ({ host }: TestRouting) => {
  const [target] = host.intake.currentSnapshot()?.endpoints.get("chat")?.primaries ?? [];
  const nowMs = performance.now();
  const isCooling = (target?.health.coolingMs(nowMs) ?? 0) > 0;
  if (target?.breaker.state(nowMs) !== "open") {
    return isCooling ? "cools" : "no";
  }
  return isCooling ? "breaker and cools" : "breaker";
};

function route({ failureClass, play, timeouts, calls, hurts }: Row, streamMode?: configV1.StreamMode) {
  // A retry would have to wait for so long, so whoever may retry does not ask for it.
  const asked = hurts === "breaker" ? {} : { retryAfterMs: 60_000 };
  const fault = play ?? answersWith({ error: failureClass, ...asked });
  const failing = Array.from({ length: calls.filter((model) => model === "one").length }, () => fault);
  const transport = new FakeTransport(...failing, streamMode === undefined ? answers() : wholeStream);
  const routing = new TestRouting({
    transport,
    endpoints: [
      {
        targets: [{ model: "one" }, { model: "two", fallback: 1 }],
        // The breaker opens with the last failure and not before.
        policy: {
          retries: quickRetries(2),
          breaker: { failureRatio: 1, minRequests: failing.length, openForMs: 60_000 },
          ...(timeouts !== undefined && { timeouts }),
          ...(streamMode !== undefined && { streamMode }),
        },
      },
    ],
  });
  return { transport, routing };
}

describe.each(rows)("$failureClass", (row) => {
  it(`is followed by ${row.calls.slice(1).join(", ") || "nothing"}, and hurts: ${row.hurts}`, async () => {
    const time = holdTime();
    const { transport, routing } = route(row);
    const outcome = await time.passUntil(routing.invoke().catch((thrown: RpcError) => thrown));
    const trail = "body" in outcome ? outcome.trail : trailOf(outcome);
    expect(transport.models).toEqual(row.calls);
    expect(trail?.attempts[0]?.failureClass).toBe(FailureClass[row.failureClass]);
    expect("body" in outcome).toBe(row.calls.includes("two"));
    expect(healthOf(routing)).toBe(row.hurts);
    expectSpansToTell(routing, trail);
  });
});

describe.each(streamRows)("$failureClass of a stream", (row) => {
  it(`before the commit is followed by ${row.calls.slice(1).join(", ")}, and hurts: ${row.hurts}`, async () => {
    const time = holdTime();
    const { transport, routing } = route(row, configV1.StreamMode.COMPLETE);
    const { finalTrail } = await time.passUntil(routing.readStream());
    expect(transport.models).toEqual(row.calls);
    expect(finalTrail?.attempts[0]?.failureClass).toBe(FailureClass[row.failureClass]);
    expect(healthOf(routing)).toBe(row.hurts);
    expectSpansToTell(routing, finalTrail);
  });
});

it("every class has its row", () => {
  const named = Object.keys(FailureClass).filter((name) => name !== "UNSPECIFIED" && name !== "UNRECOGNIZED");
  const told = [...rows, ...streamRows].map(({ failureClass }) => failureClass);
  expect([...told, ...elsewhere].sort()).toEqual(named.sort());
});
