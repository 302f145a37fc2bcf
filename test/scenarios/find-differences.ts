import type { ReceivedSpan } from "../harness/otlp-receiver.ts";
import { describeAnswer, isLike } from "./describe-answer.ts";
import type { Scenario, SeenRun } from "./scenario.ts";
import type { ScenarioOutcome } from "./scenario-bed.ts";
import { toModelName, upstreamSecret } from "./scenario-config.ts";

const mostMs = 5_000;
const alwaysThere = [
  "x-request-id",
  "traceresponse",
  "x-spillway-endpoint",
  "x-spillway-revision",
  "x-spillway-attempts",
  "x-mlflow-gateway-duration-ms",
  "x-mlflow-gateway-overhead-duration-ms",
];

/** Compares what caller, upstream and trace saw with what the scenario says. */
export function findDifferences(
  scenario: Scenario,
  seen: SeenRun,
  of: { readonly durationMs: number; readonly traceId: string },
): ScenarioOutcome {
  const sees = describeAnswer(seen.answer);
  const [least, most] = scenario.takesMs ?? [0, mostMs];
  const differences = [
    ...(isLike(sees, scenario.sees) ? [] : differ("caller", sees, scenario.sees)),
    ...differHeaders(scenario, seen, of.traceId),
    ...differ("upstream", toCallLines(scenario, seen), scenario.calls),
    ...differTrace(scenario, seen.spans),
    ...(of.durationMs < least || of.durationMs > most ? [`took ${of.durationMs} ms, not ${least} to ${most}`] : []),
    ...differSecret(seen),
    ...(scenario.also?.(seen) ?? []),
  ];
  const attempts = scenario.trail.filter((line) => !line.startsWith("-")).length;
  return { sees, attempts, durationMs: of.durationMs, differences };
}

function differ(who: string, actual: unknown, expected: unknown): string[] {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  return is === should ? [] : [`${who}: ${is} instead of ${should}`];
}

function toCallLines({ id, targets }: Scenario, { calls }: SeenRun): string[] {
  const names = new Map(Object.keys(targets).map((name) => [toModelName(id, name), name]));
  return calls.map(({ body, abortedAtMs }) => {
    const { model } = JSON.parse(body.toString()) as { readonly model: string };
    return `${names.get(model)} ${abortedAtMs === undefined ? "ended" : "aborted"}`;
  });
}

function differHeaders(scenario: Scenario, { answer }: SeenRun, traceId: string): string[] {
  const { headers, status } = answer;
  // Who leaves before the head sees none.
  if (status === 0) {
    return [];
  }
  const missing = alwaysThere.filter((name) => !headers[name]).map((name) => `caller: no header ${name}`);
  const told = toToldTrail(scenario);
  const served = told.find((line) => line.includes(" SERVED "))?.split(" ")[1];
  const differing = Object.entries(scenario.headers ?? {}).flatMap(([name, expected]) => {
    const value = headers[name] ?? null;
    const isRight = expected instanceof RegExp ? expected.test(String(value)) : value === expected;
    return isRight ? [] : [`caller: header ${name} is ${value} instead of ${expected}`];
  });
  return [
    ...missing,
    ...differing,
    ...(headers.traceresponse?.includes(traceId) === true ? [] : ["caller: traceresponse is of another trace"]),
    ...differ("trail", toTrailLines(scenario, String(headers["x-spillway-trail"])), told),
    ...differ("attempts", headers["x-spillway-attempts"], String(told.filter((line) => !line.startsWith("-")).length)),
    ...differ(
      "target",
      headers["x-spillway-target"],
      served && `openai-compatible/${toModelName(scenario.id, served)}`,
    ),
    ...differBody(scenario, answer),
  ];
}

/** The trail as the caller is told it with the head: words of the trace that it does not have, and streams still whole. */
function toToldTrail({ trail, sees, request }: Scenario): string[] {
  const isStreaming = request?.stream === true && (sees.startsWith("200 ") || sees === "left");
  return trail.map((line, index) => {
    const words = line.split(" ");
    const isCommitted = isStreaming && index === trail.length - 1 && !line.includes("HEDGE_LOST");
    const [number, name, failureClass, status, decision = ""] = words;
    if (isCommitted || failureClass === "SERVED") {
      return [number, name, "SERVED", status].join(" ");
    }
    return [number, name, failureClass, status, decision.replace(/exhausted|cancelled/, "stop")].join(" ");
  });
}

/** `1 openai-compatible/x.a primary PROVIDER_ERROR 500 12ms next` as `1 a PROVIDER_ERROR 500 next`. */
function toTrailLines({ id }: Scenario, header: string): string[] {
  return header.split(", ").map((entry) => {
    const [number, target = "", , failureClass, status, , ...decision] = entry.split(" ");
    return [number, target.replace(`openai-compatible/${id}.`, ""), failureClass, status, ...decision].join(" ");
  });
}

function differBody(scenario: Scenario, { status, body }: SeenRun["answer"]): string[] {
  if (status === 200) {
    return [];
  }
  const { error } = JSON.parse(body) as { error: { attempts?: { class: string; status: number | null }[] } };
  const expected = scenario.trail.map((line) => line.split(" ")[2]);
  return differ(
    "error.attempts",
    (error.attempts ?? []).map((attempt) => attempt.class),
    expected,
  );
}

function differSecret({ answer, spans }: SeenRun): string[] {
  const text = JSON.stringify([answer, spans], (_name, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return text.includes(upstreamSecret) ? ["the upstream's secret got out"] : [];
}

function differTrace(scenario: Scenario, spans: readonly ReceivedSpan[]): string[] {
  const { id, trail } = scenario;
  const request = spans.find(({ name }) => name === `chat ${id}`);
  const attempts = spans.filter((span) => numberOf(span) > 0).sort((one, other) => numberOf(one) - numberOf(other));
  const made = trail.filter((line) => !line.startsWith("-"));
  const outcome = toOutcome(scenario);
  const isError = outcome === "failed" || outcome === "stream_broken";
  const attribute = (name: string) => request?.attributes[`spillway.${name}`];
  return [
    ...differ(
      "trace",
      attempts.map((span) => toSpanLine(scenario, span)),
      made.map(toExpectedSpanLine),
    ),
    ...differ("trace: outcome", attribute("outcome"), outcome),
    ...differ("trace: attempts", attribute("attempts"), made.length),
    ...differ("trace: status", request?.status, isError ? "ERROR" : "UNSET"),
    ...differOverlap(scenario, attempts),
    ...(attempts.every(({ parentSpanId }) => parentSpanId === request?.spanId)
      ? []
      : ["an attempt has another parent"]),
  ];
}

function numberOf({ attributes }: ReceivedSpan): number {
  return Number(attributes["spillway.attempt.number"] ?? 0);
}

function toSpanLine({ id }: Scenario, { attributes, status }: ReceivedSpan): string {
  return [
    attributes["spillway.attempt.number"],
    String(attributes["gen_ai.request.model"]).replace(`${id}.`, ""),
    attributes["spillway.attempt.failure_class"] ?? "SERVED",
    attributes["spillway.attempt.decision"],
    status,
    attributes["error.type"] ?? "-",
  ].join(" ");
}

/** What the span of an attempt says that the trail tells of so. */
function toExpectedSpanLine(line: string): string {
  const [number, name, failureClass = "", status, decision] = line.split(" ");
  if (failureClass === "SERVED") {
    return [number, name, failureClass, decision, "UNSET", "-"].join(" ");
  }
  const withoutStatus = failureClass.includes("TIMEOUT") ? "timeout" : failureClass;
  const errorType = Number(status) >= 300 ? status : withoutStatus;
  return [number, name, failureClass, decision, decision === "cancelled" ? "UNSET" : "ERROR", errorType].join(" ");
}

function toOutcome({ sees, trail, request }: Scenario): string {
  if (sees === "left") {
    return "cancelled";
  }
  if (!sees.startsWith("200 ")) {
    return "failed";
  }
  return request?.stream === true && !trail.some((line) => line.includes(" SERVED ")) ? "stream_broken" : "served";
}

function differOverlap({ overlaps = [] }: Scenario, attempts: readonly ReceivedSpan[]): string[] {
  const seen = attempts.slice(1).flatMap((span, index) => {
    return span.startNs < (attempts[index]?.endNs ?? 0n) ? [`${index + 1} ${index + 2}`] : [];
  });
  return differ("overlapping attempts", seen, overlaps);
}
