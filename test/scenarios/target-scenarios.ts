import {
  chatChunk,
  chatCompletion,
  chatStream,
  errorStep,
  sseEvent,
  type UpstreamStep,
} from "../harness/scripted-upstream.ts";
import { type Scenario, type SeenRun, servedBy } from "./scenario.ts";

const stream = { stream: true } as const;
const text = (content: string) => sseEvent(chatChunk("scripted-model", { content }, null));
const large = text("x".repeat(32 * 1024));
const hangs: UpstreamStep = { hang: "before_head" };
const endlessStream: UpstreamStep = {
  ...chatStream(),
  body: [text("Hello")],
  repeat: { piece: text("!"), everyMs: 20 },
};
const fromA = '200 "Hello from a" stop';
const fromB = '200 "Hello from b" stop';
const hedged = { policy: { hedge_after: 60 }, overlaps: ["1 2"] } as const;

/** The loser must be cancelled within 100 ms; ten times as long is allowed on a busy machine. */
const cancelsFirstSoon = ({ calls: [first, second] }: SeenRun): readonly string[] => {
  const afterMs = (first?.abortedAtMs ?? Number.POSITIVE_INFINITY) - (second?.receivedAtMs ?? 0);
  return afterMs < 1_000 ? [] : [`the loser was cancelled ${afterMs} ms after its rival was called`];
};

const hedges: readonly Scenario[] = [
  {
    id: "hedge-second-wins",
    ...hedged,
    targets: { a: { steps: [hangs] }, b: {} },
    sees: fromB,
    calls: ["a aborted", "b ended"],
    trail: ["1 a HEDGE_LOST - cancelled", servedBy("b", 2)],
    takesMs: [60, 4_000],
    also: cancelsFirstSoon,
  },
  {
    id: "hedge-first-wins",
    ...hedged,
    targets: {
      a: { steps: [{ ...chatCompletion({ content: "Hello from a" }), headDelayMs: 1_000 }] },
      b: { steps: [hangs] },
    },
    sees: fromA,
    calls: ["a ended", "b aborted"],
    trail: [servedBy("a"), "2 b HEDGE_LOST - cancelled"],
    takesMs: [1_000, 4_000],
  },
  {
    id: "hedge-not-needed",
    policy: { hedge_after: 5_000 },
    targets: { a: {}, b: {} },
    sees: fromA,
    calls: ["a ended"],
    trail: [servedBy("a")],
  },
  {
    id: "hedge-stream",
    ...hedged,
    request: stream,
    targets: { a: { steps: [{ ...chatStream(), body: [], hang: "after_head" }] }, b: {} },
    sees: `${fromB} [DONE]`,
    calls: ["a aborted", "b ended"],
    trail: ["1 a HEDGE_LOST 200 cancelled", servedBy("b", 2)],
    also: cancelsFirstSoon,
  },
  {
    id: "hedge-complete-mode",
    overlaps: ["1 2"],
    policy: { hedge_after: 60, stream_mode: "complete" },
    request: stream,
    targets: { a: { steps: [hangs] }, b: {} },
    sees: `${fromB} [DONE]`,
    calls: ["a aborted", "b ended"],
    trail: ["1 a HEDGE_LOST - cancelled", servedBy("b", 2)],
  },
  {
    id: "hedge-both-fail",
    ...hedged,
    targets: {
      a: { steps: [{ ...errorStep(500), headDelayMs: 1_000 }] },
      b: { steps: [{ ...errorStep(503), headDelayMs: 20 }] },
      c: { steps: [{ ...chatCompletion({ content: "Hello from c" }), headDelayMs: 1_500 }] },
    },
    sees: '200 "Hello from c" stop',
    calls: ["a ended", "b ended", "c ended"],
    trail: ["1 a PROVIDER_ERROR 500 next", "2 b PROVIDER_OVERLOADED 503 next", servedBy("c", 3)],
  },
  {
    id: "hedge-within-budget",
    policy: { hedge_after: 40, max_total_attempts: 1 },
    targets: { a: { steps: [{ ...chatCompletion({ content: "Hello from a" }), headDelayMs: 150 }] }, b: {} },
    sees: fromA,
    calls: ["a ended"],
    trail: [servedBy("a")],
  },
];

const saturation: readonly Scenario[] = [
  {
    id: "saturated-moves-on",
    policy: { max_concurrency: 1 },
    beside: "unary",
    targets: { a: { steps: [hangs] }, b: {} },
    sees: fromB,
    calls: ["b ended"],
    trail: ["- a TARGET_SATURATED - next", servedBy("b")],
  },
  {
    id: "saturated-by-stream-until-its-end",
    policy: { max_concurrency: 1 },
    beside: "stream",
    targets: { a: { steps: [endlessStream] }, b: {} },
    sees: fromB,
    calls: ["b ended"],
    trail: ["- a TARGET_SATURATED - next", servedBy("b")],
  },
  {
    id: "saturated-all",
    policy: { max_concurrency: 1, timeouts: { attempt: 8_000 } },
    beside: "unary",
    targets: { a: { steps: [hangs] } },
    sees: "503 targets_saturated",
    calls: [],
    trail: ["- a TARGET_SATURATED - exhausted"],
    headers: { "retry-after": "1", "x-should-retry": null, "x-spillway-attempts": "0" },
  },
  {
    id: "saturated-waits-for-a-place",
    policy: { max_concurrency: 1, max_queue_wait: 10_000, timeouts: { attempt: 2_000 } },
    beside: "unary",
    targets: { a: { steps: [hangs, chatCompletion({ content: "Hello from a" })] } },
    sees: fromA,
    calls: ["a ended"],
    trail: [servedBy("a")],
  },
  {
    id: "saturated-waits-no-longer",
    policy: { max_concurrency: 1, max_queue_wait: 100, timeouts: { attempt: 8_000 } },
    beside: "unary",
    targets: { a: { steps: [hangs] }, b: {} },
    sees: fromB,
    calls: ["b ended"],
    trail: ["- a TARGET_SATURATED - next", servedBy("b")],
    takesMs: [95, 4_000],
  },
  {
    id: "saturated-until-the-deadline",
    policy: { max_concurrency: 1, max_queue_wait: 5_000, timeouts: { attempt: 8_000 } },
    beside: "unary",
    request: { headers: { "x-spillway-deadline-ms": "500" } },
    targets: { a: { steps: [hangs] }, b: {} },
    sees: "504 deadline_exceeded",
    calls: [],
    trail: ["- a TARGET_SATURATED - exhausted"],
    takesMs: [490, 4_000],
  },
  {
    id: "saturated-costs-no-budget",
    policy: { max_concurrency: 1, max_total_attempts: 1 },
    beside: "unary",
    targets: { a: { steps: [hangs] }, b: {} },
    sees: fromB,
    calls: ["b ended"],
    trail: ["- a TARGET_SATURATED - next", servedBy("b")],
  },
];

const breaker = { failure_ratio: 0.5, min_requests: 2, window: 10_000, open_for: 60_000, half_open_probes: 1 };

const health: readonly Scenario[] = [
  {
    id: "breaker-open-goes-behind",
    before: 2,
    policy: { breaker },
    targets: { a: { steps: [errorStep(500), errorStep(500)] }, b: {} },
    sees: fromB,
    calls: ["b ended"],
    trail: [servedBy("b")],
  },
  {
    id: "breaker-open-is-tried-last",
    before: 2,
    policy: { breaker },
    targets: {
      a: { steps: [errorStep(500), errorStep(500)] },
      b: { steps: [chatCompletion(), chatCompletion(), errorStep(404)] },
    },
    sees: fromA,
    calls: ["b ended", "a ended"],
    trail: ["1 b PROVIDER_MODEL_NOT_FOUND 404 next", servedBy("a", 2)],
  },
  {
    id: "breaker-all-open",
    before: 2,
    policy: { breaker },
    targets: { a: { steps: [errorStep(500), errorStep(500)] } },
    sees: fromA,
    calls: ["a ended"],
    trail: [servedBy("a")],
  },
  {
    id: "breaker-stops-retries",
    policy: { breaker: { ...breaker, min_requests: 1 }, retries: { max: 3 } },
    targets: { a: { steps: [errorStep(500)] }, b: {} },
    sees: fromB,
    calls: ["a ended", "b ended"],
    trail: ["1 a PROVIDER_ERROR 500 next", servedBy("b", 2)],
    also: ({ spans }) =>
      spans.some(({ events }) => events.some(({ name }) => name === "breaker_changed"))
        ? []
        : ["the trace does not say that the breaker opened"],
  },
  {
    id: "breaker-probes-again",
    before: 1,
    policy: { breaker: { ...breaker, min_requests: 1, open_for: 1 } },
    targets: { a: { steps: [errorStep(500)] }, b: {} },
    sees: fromA,
    calls: ["a ended"],
    trail: [servedBy("a")],
  },
  {
    id: "breaker-ignores-caller-faults",
    before: 3,
    policy: { breaker: { ...breaker, min_requests: 1 } },
    targets: { a: { steps: [errorStep(400), errorStep(400), errorStep(400)] }, b: {} },
    sees: fromA,
    calls: ["a ended"],
    trail: [servedBy("a")],
  },
  {
    id: "breaker-ignores-callers-deadlines",
    before: 2,
    request: { headers: { "x-spillway-deadline-ms": "500" } },
    policy: { breaker: { ...breaker, min_requests: 1 } },
    targets: { a: { steps: [hangs, hangs, hangs] }, b: {} },
    sees: "504 deadline_exceeded",
    calls: ["a aborted"],
    trail: ["1 a PROVIDER_TIMEOUT_TOTAL - exhausted"],
  },
  {
    id: "cools-after-retry-after",
    before: 1,
    targets: { a: { steps: [errorStep(429, {}, { "retry-after": "30" })] }, b: {} },
    sees: fromB,
    calls: ["b ended"],
    trail: [servedBy("b")],
  },
  {
    id: "cools-long-without-quota",
    before: 1,
    targets: { a: { steps: [errorStep(429, { code: "insufficient_quota" })] }, b: {} },
    sees: fromB,
    calls: ["b ended"],
    trail: [servedBy("b")],
  },
];

const deadlines: readonly Scenario[] = [
  {
    id: "deadline-of-the-policy",
    policy: { timeouts: { deadline: 500 } },
    targets: { a: { steps: [hangs] }, b: {} },
    sees: "504 deadline_exceeded",
    calls: ["a aborted"],
    trail: ["1 a PROVIDER_TIMEOUT_TOTAL - exhausted"],
    takesMs: [500, 4_000],
  },
  {
    id: "deadline-of-the-header",
    request: { headers: { "x-spillway-deadline-ms": "500" } },
    targets: { a: { steps: [hangs] }, b: {} },
    sees: "504 deadline_exceeded",
    calls: ["a aborted"],
    trail: ["1 a PROVIDER_TIMEOUT_TOTAL - exhausted"],
    takesMs: [500, 4_000],
  },
  {
    id: "deadline-over-all-attempts",
    policy: { timeouts: { attempt: 600, deadline: 1_700 } },
    targets: { a: { steps: [hangs] }, b: { steps: [hangs] }, c: { steps: [hangs] } },
    sees: "504 deadline_exceeded",
    calls: ["a aborted", "b aborted", "c aborted"],
    trail: [
      "1 a PROVIDER_TIMEOUT_TOTAL - next",
      "2 b PROVIDER_TIMEOUT_TOTAL - next",
      "3 c PROVIDER_TIMEOUT_TOTAL - exhausted",
    ],
    takesMs: [1_700, 4_000],
  },
];

const leaving: readonly Scenario[] = [
  {
    id: "caller-leaves-unary",
    request: { leaves: 1 },
    targets: { a: { steps: [hangs] }, b: {} },
    sees: "left",
    calls: ["a aborted"],
    trail: ["1 a CALLER_CANCELLED - cancelled"],
    takesMs: [0, 4_000],
  },
  {
    id: "caller-leaves-before-output",
    request: { stream: true, leaves: 1 },
    targets: { a: { steps: [hangs] }, b: {} },
    sees: "left",
    calls: ["a aborted"],
    trail: ["1 a CALLER_CANCELLED - cancelled"],
    takesMs: [0, 4_000],
  },
  {
    id: "caller-leaves-after-output",
    request: { stream: true, leaves: "after output" },
    targets: { a: { steps: [endlessStream] }, b: {} },
    sees: "left",
    calls: ["a aborted"],
    trail: ["1 a CALLER_CANCELLED 200 cancelled"],
    takesMs: [0, 4_000],
  },
  {
    id: "caller-leaves-hedged",
    ...hedged,
    request: { leaves: 2 },
    targets: { a: { steps: [hangs] }, b: { steps: [hangs] } },
    sees: "left",
    calls: ["a aborted", "b aborted"],
    trail: ["1 a CALLER_CANCELLED - cancelled", "2 b CALLER_CANCELLED - cancelled"],
  },
  {
    id: "caller-reads-slowly",
    request: { stream: true, readsAfterMs: 700, leaves: "after output" },
    targets: { a: { steps: [{ ...chatStream(), body: [text("Hello")], repeat: { piece: large, everyMs: 0 } }] } },
    sees: "left",
    calls: ["a aborted"],
    trail: ["1 a CALLER_CANCELLED 200 cancelled"],
    takesMs: [700, 4_500],
    also: ({ calls: [call] }) => {
      const megabytes = (call?.writtenBytes ?? 0) / 2 ** 20;
      return megabytes < 40 ? [] : [`the upstream could write ${megabytes} MB while nobody read`];
    },
  },
];

/** Health, limits, hedging, deadlines and callers who leave. */
export const targetScenarios: readonly Scenario[] = [...hedges, ...saturation, ...health, ...deadlines, ...leaving];
