import { chatCompletion, errorStep, htmlStep, redirectStep, type UpstreamStep } from "../harness/scripted-upstream.ts";
import { impatient, type Scenario, servedBy } from "./scenario.ts";
import { upstreamSecret } from "./scenario-config.ts";

const ended = (...names: string[]) => names.map((name) => `${name} ended`);
const two = (...steps: UpstreamStep[]) => ({ a: { steps }, b: {} });

/** A fault of the first target after which the second answers. */
const movesOn = (id: string, step: UpstreamStep, attempt: string): Scenario => ({
  id,
  targets: two(step),
  sees: '200 "Hello from b" stop',
  calls: ended("a", "b"),
  trail: [`1 a ${attempt} next`, servedBy("b", 2)],
});

/** A fault of the caller's own: nothing else is called. */
const stops = (id: string, step: UpstreamStep, of: { readonly sees: string; readonly attempt: string }): Scenario => ({
  id,
  targets: two(step),
  sees: of.sees,
  calls: ended("a"),
  trail: [`1 a ${of.attempt} stop`],
  headers: { "x-should-retry": null },
});

/** Milliseconds from now as an HTTP date, whole seconds. */
const httpDate = (afterMs: number) => new Date(Date.now() + afterMs).toUTCString();

const answer = chatCompletion();
const body = String((answer.body ?? [])[0]);
const chunked = { ...answer, headers: { "content-type": "application/json" } };

/** One body in one piece, cut at these bytes. */
const cuts: readonly Scenario[] = [0, 1, Math.floor(body.length / 2), body.length - 1].flatMap((afterBytes) =>
  (["close", "reset", "end"] as const).map((by) => {
    // What ends cleanly is an answer, and none that can be read; what breaks is a lost connection.
    const attempt = by === "end" ? "PROVIDER_BAD_RESPONSE 200" : "PROVIDER_NETWORK 200";
    return movesOn(`unary-cut-at-${afterBytes}-by-${by}`, { ...chunked, cut: { afterBytes, by } }, attempt);
  }),
);

const statuses: readonly Scenario[] = [
  movesOn("unary-401", errorStep(401), "PROVIDER_CREDENTIALS_REJECTED 401"),
  movesOn("unary-403", errorStep(403), "PROVIDER_CREDENTIALS_REJECTED 403"),
  movesOn(
    "unary-400-bad-key",
    errorStep(400, { message: "API key not valid. Please pass a valid API key.", code: "invalid_api_key" }),
    "PROVIDER_CREDENTIALS_REJECTED 400",
  ),
  movesOn("unary-404", errorStep(404), "PROVIDER_MODEL_NOT_FOUND 404"),
  movesOn("unary-429", errorStep(429, {}, { "retry-after": "30" }), "PROVIDER_RATE_LIMITED 429"),
  movesOn(
    "unary-429-quota",
    errorStep(429, { type: "insufficient_quota", code: "insufficient_quota" }),
    "PROVIDER_QUOTA_EXHAUSTED 429",
  ),
  movesOn("unary-500", errorStep(500), "PROVIDER_ERROR 500"),
  movesOn("unary-502-page", htmlStep(502), "PROVIDER_ERROR 502"),
  movesOn("unary-503", errorStep(503), "PROVIDER_OVERLOADED 503"),
  movesOn("unary-529", errorStep(529), "PROVIDER_OVERLOADED 529"),
  movesOn("unary-redirect", redirectStep("http://127.0.0.1:1/elsewhere"), "PROVIDER_BAD_RESPONSE 302"),
  movesOn("unary-empty-200", {}, "PROVIDER_BAD_RESPONSE 200"),
  movesOn("unary-page-200", htmlStep(200), "PROVIDER_BAD_RESPONSE 200"),
  movesOn("unary-not-json-200", { ...chunked, body: ["{"] }, "PROVIDER_BAD_RESPONSE 200"),
  movesOn("unary-wrong-shape-200", { ...chunked, body: ['{"ok":true}'] }, "PROVIDER_BAD_RESPONSE 200"),
  movesOn(
    "unary-error-in-200",
    { ...errorStep(503, { message: "overloaded", type: "overloaded_error" }), status: 200 },
    "PROVIDER_OVERLOADED 200",
  ),
  movesOn(
    "unary-error-body-cut",
    { ...errorStep(503), cut: { afterBytes: 3, by: "reset" } },
    "PROVIDER_OVERLOADED 503",
  ),
];

const callerFaults: readonly Scenario[] = [
  ...[400, 422].map((status) =>
    stops(`unary-${status}`, errorStep(status, { type: "invalid_request_error", code: "bad" }), {
      sees: `${status} bad`,
      attempt: `CALLER_INVALID_REQUEST ${status}`,
    }),
  ),
  stops("unary-413", errorStep(413, { type: "invalid_request_error", code: "too_big" }), {
    sees: "413 too_big",
    attempt: "CALLER_INVALID_REQUEST 413",
  }),
  stops("unary-content-policy", errorStep(400, { code: "content_filter" }), {
    sees: "400 content_filter",
    attempt: "CALLER_CONTENT_POLICY 400",
  }),
  {
    ...movesOn(
      "unary-content-policy-fallback-on",
      errorStep(400, { code: "content_filter" }),
      "CALLER_CONTENT_POLICY 400",
    ),
    policy: { fallback_on: ["CALLER_CONTENT_POLICY"] },
  },
  {
    id: "unary-context-length",
    targets: {
      a: { steps: [errorStep(400, { code: "context_length_exceeded" })], model: { context_window: 8_000 } },
      b: { model: { context_window: 4_000 } },
      c: { model: { context_window: 200_000 } },
    },
    sees: '200 "Hello from c" stop',
    calls: ended("a", "c"),
    trail: ["1 a CALLER_CONTEXT_LENGTH_EXCEEDED 400 next", servedBy("c", 2)],
  },
  stops("unary-context-length-nowhere", errorStep(400, { code: "context_length_exceeded" }), {
    sees: "400 context_length_exceeded",
    attempt: "CALLER_CONTEXT_LENGTH_EXCEEDED 400",
  }),
  {
    id: "unary-error-text-with-key",
    targets: { a: { steps: [errorStep(400, { message: `bad key ${upstreamSecret} given`, code: "bad" })] } },
    sees: "400 bad",
    calls: ended("a"),
    trail: ["1 a CALLER_INVALID_REQUEST 400 stop"],
  },
];

const blankLines: UpstreamStep = { ...chunked, body: ["\n"], repeat: { piece: "\n", everyMs: 10 } };
const drip: UpstreamStep = { ...chunked, body: ["{"], repeat: { piece: " ", everyMs: 10 } };

const silences: readonly Scenario[] = [
  ...(["before_head", "after_head"] as const).map(
    (hang): Scenario => ({
      id: `unary-hang-${hang.replace("_", "-")}`,
      targets: { a: { steps: [{ ...chunked, hang }], ...impatient({ attempt: 500 }) }, b: {} },
      sees: '200 "Hello from b" stop',
      calls: ["a aborted", "b ended"],
      trail: [`1 a PROVIDER_TIMEOUT_TOTAL ${hang === "before_head" ? "-" : 200} next`, servedBy("b", 2)],
      takesMs: [500, 4_000],
    }),
  ),
  {
    id: "unary-first-byte",
    targets: { a: { steps: [{ hang: "before_head" }], ...impatient({ first_byte: 500 }) }, b: {} },
    sees: '200 "Hello from b" stop',
    calls: ["a aborted", "b ended"],
    trail: ["1 a PROVIDER_TIMEOUT_FIRST_TOKEN - next", servedBy("b", 2)],
    takesMs: [500, 4_000],
  },
  {
    id: "unary-first-byte-blank",
    targets: { a: { steps: [blankLines], ...impatient({ first_byte: 500 }) }, b: {} },
    sees: '200 "Hello from b" stop',
    calls: ["a aborted", "b ended"],
    trail: ["1 a PROVIDER_TIMEOUT_FIRST_TOKEN 200 next", servedBy("b", 2)],
    takesMs: [500, 4_000],
  },
  {
    id: "unary-blank-lines-first",
    targets: { a: { steps: [{ ...chunked, body: ["\n\n", "\n", body], pieceGapMs: 20 }] } },
    sees: '200 "Hello from upstream" stop',
    calls: ended("a"),
    trail: [servedBy("a")],
  },
  {
    id: "unary-drip",
    targets: { a: { steps: [drip], ...impatient({ first_byte: 500, attempt: 800 }) }, b: {} },
    sees: '200 "Hello from b" stop',
    calls: ["a aborted", "b ended"],
    trail: ["1 a PROVIDER_TIMEOUT_TOTAL 200 next", servedBy("b", 2)],
    takesMs: [800, 4_000],
  },
  {
    id: "unary-all-hang",
    targets: { a: { steps: [{ hang: "before_head" }] }, b: { steps: [{ hang: "before_head" }] } },
    policy: { timeouts: { attempt: 500 } },
    sees: "504 targets_exhausted",
    calls: ["a aborted", "b aborted"],
    trail: ["1 a PROVIDER_TIMEOUT_TOTAL - next", "2 b PROVIDER_TIMEOUT_TOTAL - exhausted"],
    headers: { "x-should-retry": "false" },
  },
];

const connections: readonly Scenario[] = [
  movesOn("unary-drop-close", { drop: "close" }, "PROVIDER_NETWORK -"),
  movesOn("unary-drop-reset", { drop: "reset" }, "PROVIDER_NETWORK -"),
  movesOn("unary-not-http", { raw: "SMTP ready\r\n\r\n" }, "PROVIDER_NETWORK -"),
  {
    id: "unary-reset-once",
    targets: two({ drop: "reset" }),
    policy: { retries: { max: 3 } },
    sees: '200 "Hello from a" stop',
    calls: ended("a", "a"),
    trail: ["1 a PROVIDER_NETWORK - retry", servedBy("a", 2)],
  },
  {
    id: "unary-reset-twice",
    targets: two({ drop: "reset" }, { drop: "reset" }),
    policy: { retries: { max: 3 } },
    sees: '200 "Hello from b" stop',
    calls: ended("a", "a", "b"),
    trail: ["1 a PROVIDER_NETWORK - retry", "2 a PROVIDER_NETWORK - next", servedBy("b", 3)],
  },
  {
    id: "unary-refused",
    targets: { a: { at: "refusing" }, b: {} },
    sees: '200 "Hello from b" stop',
    calls: ended("b"),
    trail: ["1 a PROVIDER_NETWORK - next", servedBy("b", 2)],
  },
  {
    id: "unary-connect-timeout",
    targets: { a: { at: "silent", ...impatient({ connect: 100 }) }, b: {} },
    sees: '200 "Hello from b" stop',
    calls: ended("b"),
    trail: ["1 a PROVIDER_TIMEOUT_CONNECT - next", servedBy("b", 2)],
    takesMs: [100, 4_000],
  },
  {
    id: "unary-all-refused",
    targets: { a: { at: "refusing" }, b: { at: "refusing" } },
    sees: "503 targets_unreachable",
    calls: [],
    trail: ["1 a PROVIDER_NETWORK - next", "2 b PROVIDER_NETWORK - exhausted"],
    headers: { "x-should-retry": "false" },
  },
];

const retries: readonly Scenario[] = [
  {
    id: "retry-503",
    targets: two(errorStep(503), errorStep(503)),
    policy: { retries: { max: 2 } },
    sees: '200 "Hello from a" stop',
    calls: ended("a", "a", "a"),
    trail: ["1 a PROVIDER_OVERLOADED 503 retry", "2 a PROVIDER_OVERLOADED 503 retry", servedBy("a", 3)],
  },
  {
    id: "retry-budget",
    targets: { a: { steps: [errorStep(500), errorStep(500)] }, b: { steps: [errorStep(500)] }, c: {} },
    policy: { retries: { max: 5 }, max_total_attempts: 4 },
    sees: '200 "Hello from c" stop',
    calls: ended("a", "a", "b", "c"),
    trail: [
      "1 a PROVIDER_ERROR 500 retry",
      "2 a PROVIDER_ERROR 500 next",
      "3 b PROVIDER_ERROR 500 next",
      servedBy("c", 4),
    ],
  },
  {
    id: "retry-on-bad-response",
    targets: { a: { steps: [htmlStep(200)] } },
    policy: { retries: { max: 1 }, retry_on: ["PROVIDER_BAD_RESPONSE"] },
    sees: '200 "Hello from a" stop',
    calls: ended("a", "a"),
    trail: ["1 a PROVIDER_BAD_RESPONSE 200 retry", servedBy("a", 2)],
  },
  {
    id: "fallback-on-taken-away",
    targets: two(errorStep(500)),
    policy: { fallback_on: ["-PROVIDER_ERROR"] },
    sees: "502 targets_exhausted",
    calls: ended("a"),
    trail: ["1 a PROVIDER_ERROR 500 stop"],
  },
  ...(
    [
      ["ms", { "retry-after-ms": "120" }],
      ["azure", { "x-ms-retry-after-ms": "120" }],
      ["reset", { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms" }],
    ] as const
  ).map(
    ([name, headers]): Scenario => ({
      id: `retry-after-${name}`,
      targets: { a: { steps: [errorStep(429, {}, headers)] } },
      policy: { retries: { max: 1 } },
      sees: '200 "Hello from a" stop',
      calls: ended("a", "a"),
      trail: ["1 a PROVIDER_RATE_LIMITED 429 retry", servedBy("a", 2)],
      takesMs: [120, 4_000],
    }),
  ),
  {
    id: "retry-after-comes-back",
    targets: { a: { steps: [errorStep(429, {}, { "retry-after-ms": "150" })] }, b: { steps: [errorStep(500)] } },
    policy: { retries: { max: 1 }, retry_on: ["-PROVIDER_ERROR"] },
    sees: '200 "Hello from a" stop',
    calls: ended("a", "b", "a"),
    trail: ["1 a PROVIDER_RATE_LIMITED 429 next", "2 b PROVIDER_ERROR 500 next", servedBy("a", 3)],
    takesMs: [140, 4_000],
  },
  {
    id: "rate-limited-all",
    targets: {
      a: { steps: [errorStep(429, {}, { "retry-after": "40" })] },
      b: { steps: [errorStep(429, {}, { "retry-after": "20" })] },
    },
    sees: "429 rate_limit_exceeded",
    calls: ended("a", "b"),
    trail: ["1 a PROVIDER_RATE_LIMITED 429 next", "2 b PROVIDER_RATE_LIMITED 429 exhausted"],
    headers: { "retry-after": "20", "x-should-retry": null },
  },
  {
    id: "rate-limited-until-date",
    targets: { a: { steps: [() => errorStep(429, {}, { "retry-after": httpDate(30_000) })] } },
    sees: "429 rate_limit_exceeded",
    calls: ended("a"),
    trail: ["1 a PROVIDER_RATE_LIMITED 429 exhausted"],
    headers: { "retry-after": /^(28|29|30)$/ },
  },
  {
    id: "rate-limited-for-long",
    targets: { a: { steps: [errorStep(429, {}, { "retry-after": "3600" })] } },
    policy: { retries: { max: 1 } },
    sees: "429 rate_limit_exceeded",
    calls: ended("a"),
    trail: ["1 a PROVIDER_RATE_LIMITED 429 exhausted"],
    headers: { "retry-after": "3600", "x-should-retry": "false" },
  },
  {
    id: "exhausted-in-different-ways",
    targets: { a: { steps: [errorStep(401)] }, b: { steps: [errorStep(503)] } },
    sees: "502 targets_exhausted",
    calls: ended("a", "b"),
    trail: ["1 a PROVIDER_CREDENTIALS_REJECTED 401 next", "2 b PROVIDER_OVERLOADED 503 exhausted"],
    headers: { "x-should-retry": "false" },
  },
];

/** Answers in one piece. */
export const unaryScenarios: readonly Scenario[] = [
  {
    id: "unary-healthy",
    targets: two(),
    sees: '200 "Hello from a" stop',
    calls: ended("a"),
    trail: [servedBy("a")],
    also: ({ spans }) =>
      spans.some(({ attributes }) => attributes["gen_ai.usage.output_tokens"] === 3) ? [] : ["no usage in the trace"],
  },
  {
    id: "unary-split-at-every-byte",
    targets: { a: { steps: [{ ...chunked, splitBytes: 1 }] } },
    sees: '200 "Hello from upstream" stop',
    calls: ended("a"),
    trail: [servedBy("a")],
    also: ({ answer: { body: got } }) => (got === body ? [] : ["the body is not what the upstream sent"]),
  },
  ...statuses,
  ...callerFaults,
  ...silences,
  ...connections,
  ...cuts,
  ...retries,
];
