import {
  chatChunk,
  chatCompletion,
  chatStream,
  errorStep,
  htmlStep,
  sseEvent,
  type UpstreamStep,
} from "../harness/scripted-upstream.ts";
import { eventsOf } from "./describe-answer.ts";
import { impatient, type Scenario, servedBy } from "./scenario.ts";

const stream = { stream: true } as const;
const fromB = '200 "Hello from b" stop [DONE]';
const whole = '200 "Hello from upstream" stop [DONE]';
const model = "scripted-model";
const role = sseEvent(chatChunk(model, { role: "assistant", content: "" }, null));
const text = (content: string) => sseEvent(chatChunk(model, { content }, null));
const finish = sseEvent(chatChunk(model, {}, "stop"));
const done = sseEvent("[DONE]");
const failure = (type: string) => sseEvent({ error: { message: "no", type, code: null, param: null } });
/** All of one choice: its text and its end. */
const choice = (index: number): readonly [string, string] => [
  sseEvent({ ...chatChunk(model, {}, null), choices: [{ index, delta: { content: "Hello" }, finish_reason: null }] }),
  sseEvent({ ...chatChunk(model, {}, null), choices: [{ index, delta: {}, finish_reason: "stop" }] }),
];
const twoChoices = { stream: true, members: { n: 2 } } as const;
const nonsense = "data: {nonsense\n\n";
const comment = ": still here\n\n";

const toolCall = { index: 0, id: "call_1", type: "function", function: { name: "find", arguments: "" } };
/** Events with everything that a proxy may get wrong: unknown fields, odd spacing, several data lines, text of any script. */
const oddEvents: readonly string[] = [
  `data:{"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant"}}],"novel":{"deep":[1,2.50,"é"]}}\n\n`,
  'event: message\nid: 7\ndata: {"choices":[{"index":0,\ndata:   "delta":{"content":"Hi","annotations":[]},"finish_reason":null}]}\n\n',
  'data: {"kind":"of tomorrow","choices":[]}\n\n',
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n',
];

/**
 * A stream of these pieces, each written for itself. What follows a fault that ends the call stands in one piece with it: the
 * upstream has then always written all, however fast the gateway hangs up.
 */
const pieces = (...body: readonly string[]): UpstreamStep => ({ ...chatStream(), body });

const two = (step: UpstreamStep, timeouts = {}) => ({ a: { steps: [step], ...impatient(timeouts) }, b: {} });

/** A fault before the commit: the second target answers. */
const movesOn = (id: string, step: UpstreamStep, attempt: string): Scenario => ({
  id,
  request: stream,
  targets: two(step),
  sees: fromB,
  calls: ["a ended", "b ended"],
  trail: [`1 a ${attempt} next`, servedBy("b", 2)],
});

/** As `movesOn`, of a stream that stands still: the gateway ends it. */
const movesOnFromSilence = (id: string, step: UpstreamStep, attempt: string): Scenario => ({
  ...movesOn(id, step, attempt),
  targets: two(step, { first_token: 500 }),
  calls: ["a aborted", "b ended"],
  takesMs: [495, 4_000],
});

/** A fault after the commit: what came stands, and an error event ends it. */
const breaks = (id: string, step: UpstreamStep, of: { readonly sees: string; readonly attempt: string }): Scenario => ({
  id,
  request: stream,
  targets: two(step),
  sees: `200 ${of.sees} error:stream_broken`,
  calls: ["a ended"],
  trail: [`1 a ${of.attempt} stop`],
});

/** A stream that is whole, however oddly it came. */
const serves = (id: string, step: UpstreamStep, sees = whole): Scenario => ({
  id,
  request: stream,
  targets: two(step),
  sees,
  calls: ["a ended"],
  trail: [servedBy("a")],
});

const beforeCommit: readonly Scenario[] = [
  movesOn("stream-503", errorStep(503), "PROVIDER_OVERLOADED 503"),
  movesOn("stream-429", errorStep(429, {}, { "retry-after": "9" }), "PROVIDER_RATE_LIMITED 429"),
  movesOn("stream-error-first", pieces(failure("overloaded_error") + done), "PROVIDER_OVERLOADED 200"),
  movesOn("stream-error-after-role", pieces(role, failure("server_error")), "PROVIDER_ERROR 200"),
  movesOn("stream-empty-200", pieces(), "PROVIDER_STREAM_TRUNCATED 200"),
  movesOn("stream-role-only", pieces(role), "PROVIDER_STREAM_TRUNCATED 200"),
  movesOn("stream-done-without-anything", pieces(role, done), "PROVIDER_STREAM_TRUNCATED 200"),
  movesOn("stream-page", htmlStep(200), "PROVIDER_BAD_RESPONSE 200"),
  movesOn("stream-not-json-first", pieces(nonsense + done), "PROVIDER_BAD_RESPONSE 200"),
  movesOn(
    "stream-json-error",
    { ...errorStep(429, { code: "insufficient_quota" }), status: 200 },
    "PROVIDER_QUOTA_EXHAUSTED 200",
  ),
  movesOn("stream-drop", { drop: "reset" }, "PROVIDER_NETWORK -"),
  movesOnFromSilence("stream-hang-before-head", { hang: "before_head" }, "PROVIDER_TIMEOUT_FIRST_TOKEN -"),
  movesOnFromSilence("stream-hang-after-head", { ...pieces(), hang: "after_head" }, "PROVIDER_TIMEOUT_FIRST_TOKEN 200"),
  movesOnFromSilence(
    "stream-hang-after-role",
    { ...pieces(role), hang: "after_body" },
    "PROVIDER_TIMEOUT_FIRST_TOKEN 200",
  ),
  movesOnFromSilence(
    "stream-only-comments",
    { ...pieces(role), repeat: { piece: comment, everyMs: 10 } },
    "PROVIDER_TIMEOUT_FIRST_TOKEN 200",
  ),
  {
    ...movesOnFromSilence(
      "stream-attempt-bounds-commit",
      { ...pieces(role), hang: "after_body" },
      "PROVIDER_TIMEOUT_TOTAL 200",
    ),
    targets: two({ ...pieces(role), hang: "after_body" }, { first_token: 5_000, attempt: 600 }),
  },
  {
    id: "stream-nothing-serves",
    request: stream,
    targets: { a: { steps: [pieces(role)] }, b: { steps: [errorStep(500)] } },
    sees: "502 targets_exhausted",
    calls: ["a ended", "b ended"],
    trail: ["1 a PROVIDER_STREAM_TRUNCATED 200 next", "2 b PROVIDER_ERROR 500 exhausted"],
    headers: { "content-type": /json/ },
  },
  {
    id: "stream-callers-fault",
    request: stream,
    targets: two(pieces(failure("invalid_request_error"))),
    sees: "400 invalid_request_error",
    calls: ["a ended"],
    trail: ["1 a CALLER_INVALID_REQUEST 200 stop"],
  },
];

const afterCommit: readonly Scenario[] = [
  breaks("stream-error-after-output", pieces(role, text("Hel"), failure("server_error")), {
    sees: '"Hel"',
    attempt: "PROVIDER_ERROR 200",
  }),
  breaks("stream-error-then-done", pieces(role, text("Hel"), failure("server_error") + done), {
    sees: '"Hel"',
    attempt: "PROVIDER_ERROR 200",
  }),
  breaks("stream-not-json-after-output", pieces(role, text("Hel"), nonsense + finish + done), {
    sees: '"Hel"',
    attempt: "PROVIDER_BAD_RESPONSE 200",
  }),
  ...[nonsense, failure("server_error")].map((fault, index) => ({
    ...breaks(
      `stream-goes-on-after-fault-${index + 1}`,
      { ...pieces(role, text("Hel"), fault), repeat: { piece: text("lo"), everyMs: 10 } },
      { sees: '"Hel"', attempt: index === 0 ? "PROVIDER_BAD_RESPONSE 200" : "PROVIDER_ERROR 200" },
    ),
    calls: ["a aborted"],
  })),
  {
    ...breaks(
      "stream-hang-after-output",
      { ...pieces(role, text("Hel")), hang: "after_body" },
      {
        sees: '"Hel"',
        attempt: "PROVIDER_TIMEOUT_IDLE 200",
      },
    ),
    targets: two({ ...pieces(role, text("Hel")), hang: "after_body" }, { idle: 150 }),
    calls: ["a aborted"],
    takesMs: [150, 4_000],
  },
  {
    ...breaks(
      "stream-comments-after-output",
      { ...pieces(text("Hel")), repeat: { piece: comment, everyMs: 20 } },
      {
        sees: '"Hel"',
        attempt: "PROVIDER_TIMEOUT_IDLE 200",
      },
    ),
    targets: two(
      { ...pieces(text("Hel")), repeat: { piece: comment, everyMs: 20 } },
      { first_token: 1_200, idle: 500, attempt: 1_200 },
    ),
    calls: ["a aborted"],
    takesMs: [1_200, 4_000],
  },
  {
    ...breaks("stream-many-start-up-events", pieces(...Array.from({ length: 70 }, () => role)), {
      sees: '""',
      attempt: "PROVIDER_STREAM_TRUNCATED 200",
    }),
  },
  {
    ...breaks(
      "stream-callers-deadline-after-output",
      { ...pieces(text("Hel")), repeat: { piece: text("!"), everyMs: 20 } },
      {
        // How much came by then differs from run to run.
        sees: '"Hel*"',
        attempt: "PROVIDER_TIMEOUT_TOTAL 200",
      },
    ),
    request: { stream: true, headers: { "x-spillway-deadline-ms": "800" } },
    calls: ["a aborted"],
    takesMs: [800, 4_000],
  },
];

const wholeStreams: readonly Scenario[] = [
  serves("stream-healthy", chatStream()),
  ...[1, 2, 3, 7, 50].map((splitBytes) => serves(`stream-split-at-${splitBytes}`, { ...chatStream(), splitBytes })),
  serves("stream-crlf", { ...chatStream({ lineEnd: "\r\n" }), splitBytes: 5 }),
  serves("stream-cr", { ...chatStream({ lineEnd: "\r" }), splitBytes: 5 }),
  serves("stream-without-done", chatStream({ done: false })),
  serves("stream-reset-after-finish", { ...chatStream({ done: false }), cut: { afterBytes: 1e6, by: "reset" } }),
  serves(
    "stream-error-after-finish",
    pieces(text("Hello"), finish, failure("server_error")),
    '200 "Hello" stop [DONE]',
  ),
  serves("stream-done-without-finish", pieces(role, text("Hello"), done), '200 "Hello" [DONE]'),
  serves(
    "stream-finish-without-output",
    pieces(role, sseEvent(chatChunk(model, {}, "content_filter")), done),
    '200 "" content_filter [DONE]',
  ),
  serves(
    "stream-comments-and-pings",
    pieces(comment, 'event: ping\ndata: {"type":"ping"}\n\n', role, comment, text("Hello"), comment, finish, done),
    '200 "Hello" stop [DONE]',
  ),
  serves(
    "stream-last-event-without-blank-line",
    pieces(role, text("Hello"), finish.trimEnd()),
    '200 "Hello" stop [DONE]',
  ),
  serves(
    "stream-starts-with-empty-choices",
    pieces(sseEvent({ ...chatChunk(model, {}, null), choices: [] }), text("Hello"), finish, done),
    '200 "Hello" stop [DONE]',
  ),
  serves("stream-json-completion", chatCompletion()),
  ...["text/event-stream", "text/plain"].map((type) =>
    serves(`stream-json-completion-labelled-${type.replace("/", "-")}`, {
      ...chatCompletion(),
      headers: { "content-type": type },
    }),
  ),
  ...["application/json", "text/plain"].map((type) =>
    serves(`stream-labelled-${type.replace("/", "-")}`, { ...chatStream(), headers: { "content-type": type } }),
  ),
  serves("stream-not-labelled", { ...chatStream(), headers: {} }),
  {
    ...serves(
      "stream-silence-after-finish",
      { ...pieces(role, text("Hello"), finish), hang: "after_body" },
      '200 "Hello" stop [DONE]',
    ),
    calls: ["a aborted"],
    takesMs: [1_900, 4_500],
  },
  {
    ...serves("stream-passes-unknown-as-it-is", chatStream()),
    targets: two({ ...pieces(...oddEvents), splitBytes: 11 }),
    sees: '200 "Hi" stop [DONE]',
    also: ({ answer: { body } }) =>
      body === `${oddEvents.join("")}${done}` ? [] : [`not passed on as it came: ${JSON.stringify(body)}`],
  },
  {
    ...serves("stream-tool-call-is-output", pieces(role, sseEvent(chatChunk(model, { tool_calls: [toolCall] }, null)))),
    sees: '200 "" error:stream_broken',
    trail: ["1 a PROVIDER_STREAM_TRUNCATED 200 stop"],
  },
  {
    ...serves("stream-of-two-choices", pieces(...choice(0), ...choice(1), done), '200 "HelloHello" stop stop [DONE]'),
    request: twoChoices,
  },
  {
    ...serves("stream-second-choice-cut", pieces(...choice(0), choice(1)[0])),
    request: twoChoices,
    sees: '200 "HelloHello" stop error:stream_broken',
    trail: ["1 a PROVIDER_STREAM_TRUNCATED 200 stop"],
  },
  {
    ...serves("stream-second-choice-missing", pieces(...choice(0))),
    request: twoChoices,
    sees: '200 "Hello" stop [DONE]',
    trail: [servedBy("a")],
  },
  {
    ...serves("stream-cut-before-the-second-choice", {
      ...pieces(...choice(0), comment),
      cut: { afterBytes: choice(0).join("").length, by: "reset" },
    }),
    request: twoChoices,
    sees: '200 "Hello" stop error:stream_broken',
    trail: ["1 a PROVIDER_STREAM_TRUNCATED 200 stop"],
  },
  {
    ...serves("stream-usage-hidden", chatStream()),
    targets: { a: {} },
    sees: '200 "Hello from a" stop [DONE]',
    also: ({ answer: { body }, spans }) => [
      ...(body.includes('"usage":{') ? ["usage reached a caller who did not ask"] : []),
      ...(spans.some(({ attributes }) => attributes["gen_ai.usage.output_tokens"] === 3)
        ? []
        : ["no usage in the trace"]),
    ],
  },
  {
    id: "stream-usage-with-trail",
    request: { stream: true, members: { stream_options: { include_usage: true } } },
    targets: two(errorStep(503)),
    sees: fromB,
    calls: ["a ended", "b ended"],
    trail: ["1 a PROVIDER_OVERLOADED 503 next", servedBy("b", 2)],
    also: ({ answer: { body } }) => {
      const last = JSON.parse(eventsOf(body).at(-2) ?? "{}") as {
        usage?: object;
        spillway?: { attempts?: { class: string }[] };
      };
      const classes = (last.spillway?.attempts ?? []).map((attempt) => attempt.class).join();
      return last.usage !== undefined && classes === "PROVIDER_OVERLOADED,SERVED"
        ? []
        : [`the usage event says ${classes}`];
    },
  },
];

const completeMode: readonly Scenario[] = [
  {
    ...movesOn("complete-cut", pieces(role, text("Hel")), "PROVIDER_STREAM_TRUNCATED 200"),
    policy: { stream_mode: "complete" },
  },
  {
    ...movesOn(
      "complete-reset",
      { ...pieces(role, text("Hel"), text("lo")), cut: { afterBytes: 400, by: "reset" } },
      "PROVIDER_STREAM_TRUNCATED 200",
    ),
    policy: { stream_mode: "complete" },
  },
  {
    ...movesOnFromSilence(
      "complete-hang",
      { ...pieces(role, text("Hel")), hang: "after_body" },
      "PROVIDER_TIMEOUT_IDLE 200",
    ),
    targets: two({ ...pieces(role, text("Hel")), hang: "after_body" }, { idle: 500 }),
    policy: { stream_mode: "complete" },
  },
  {
    ...serves("complete-slow-but-steady", chatStream()),
    targets: two({ ...chatStream(), pieceGapMs: 400 }, { first_token: 1_500 }),
    policy: { stream_mode: "complete" },
    takesMs: [1_900, 5_000],
  },
];

/** Answers as streams. */
export const streamScenarios: readonly Scenario[] = [...wholeStreams, ...beforeCommit, ...afterCommit, ...completeMode];
