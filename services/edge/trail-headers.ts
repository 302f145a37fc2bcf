import type { inferenceV1 } from "#contracts";
import { toClassName, toDecisionName, toRoleName } from "#dialects";

/** What the trail headers of an answer are made from. */
export interface TrailFacts {
  readonly requestId: string;
  /** Name of the endpoint that was asked for; undefined when the request named none. */
  readonly endpoint: string | undefined;
  readonly trail: inferenceV1.RouteTrail | undefined;
  /** Revision of the configuration that decided, where there is no trail; undefined when none is known. */
  readonly revision?: string | undefined;
  /** Milliseconds from the arrival of the request. */
  readonly durationMs: number;
  /** Value of `traceresponse`; undefined when there is no trace. */
  readonly traceResponse: string | undefined;
}

const maxTrailLength = 4096;

/** Appends the headers that every answer has, errors and streams included, as name, value, name, value. */
export function pushTrailHeaders(headers: string[], facts: TrailFacts): void {
  const { trail, durationMs } = facts;
  const endpoint = trail?.endpoint || facts.endpoint;
  headers.push("x-request-id", facts.requestId);
  if (facts.traceResponse !== undefined) {
    headers.push("traceresponse", facts.traceResponse);
  }
  if (endpoint !== undefined) {
    headers.push("x-spillway-endpoint", encodeName(endpoint));
  }
  if (trail === undefined) {
    if (facts.revision !== undefined) {
      headers.push("x-spillway-revision", facts.revision);
    }
    headers.push("x-spillway-attempts", "0");
  } else {
    pushRoute(headers, trail);
  }
  headers.push(
    "x-mlflow-gateway-duration-ms",
    toTenths(durationMs),
    "x-mlflow-gateway-overhead-duration-ms",
    toTenths(trail === undefined ? durationMs : Math.max(0, durationMs - trail.providerWaitMs)),
  );
}

/**
 * The trail in one line: entries joined by `, `, fields by one space, e.g.
 * `1 openai/gpt-4o primary PROVIDER_RATE_LIMITED 429 412ms next, 2 anthropic/claude fallback SERVED 200 903ms`.
 * A skipped target has `-` as its number, and `-` stands where no status came. Cut at 4096 characters, `...` then ends it.
 */
export function toTrailLine(attempts: readonly inferenceV1.Attempt[]): string {
  let line = "";
  for (const attempt of attempts) {
    const entry = toTrailEntry(attempt);
    if (line.length + entry.length > maxTrailLength) {
      return `${line}, ...`;
    }
    line = line === "" ? entry : `${line}, ${entry}`;
  }
  return line;
}

function pushRoute(headers: string[], trail: inferenceV1.RouteTrail): void {
  // The oldest may be left out of a long one.
  let made = 0;
  for (const attempt of trail.attempts) {
    made = Math.max(made, attempt.index);
    if (toDecisionName(attempt.decision) === null && toClassName(attempt) === "SERVED") {
      headers.push("x-spillway-target", attempt.target);
    }
  }
  headers.push("x-spillway-revision", String(trail.revision), "x-spillway-attempts", String(made));
  if (trail.attempts.length > 0) {
    headers.push("x-spillway-trail", toTrailLine(trail.attempts));
  }
}

function toTrailEntry(attempt: inferenceV1.Attempt): string {
  const number = attempt.index === 0 ? "-" : attempt.index;
  const status = attempt.status === 0 ? "-" : attempt.status;
  const decision = toDecisionName(attempt.decision);
  const fields = `${number} ${attempt.target} ${toRoleName(attempt.role)} ${toClassName(attempt)} ${status} ${Math.round(attempt.durationMs)}ms`;
  return decision === null ? fields : `${fields} ${decision}`;
}

const plainName = /^[\w.~:/@+-]*$/;

/** An endpoint is named as the caller did; targets were encoded where they were made. */
function encodeName(name: string): string {
  if (plainName.test(name)) {
    return name;
  }
  return encodeURIComponent(name.toWellFormed()).replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%40", "@");
}

function toTenths(milliseconds: number): string {
  return String(Math.round(milliseconds * 10) / 10);
}
