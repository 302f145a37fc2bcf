import { enumName, errorsV1, googleRpc, type inferenceV1 } from "#contracts";
import type { ProviderFailure } from "#providers";
import { type ErrorDetail, type RpcCode, RpcError } from "#rpc";
import { isCallerFault, isTimeout } from "../policy/failure-policy.ts";
import { type AttemptRecord, isSkipped } from "./attempt-record.ts";
import { encodeTrailDetail, trailDetailType } from "./trail.ts";

const { FailureClass } = errorsV1;

/** A request that no target served. */
export interface Exhaustion {
  readonly endpoint: string;
  readonly attempts: readonly AttemptRecord[];
  readonly trail: inferenceV1.RouteTrail;
  /** Whether the request's deadline ended it. */
  readonly isPastDeadline: boolean;
  /** On the monotonic clock. */
  readonly nowMs: number;
}

// Nobody knows when a place will be free; a second spares the gateway a storm of retries.
const saturatedRetryMs = 1000;

const gatewayFaultMessage = "The gateway failed. Its log says why.";

interface Verdict {
  readonly code: RpcCode;
  readonly reason: string;
  readonly httpStatus: number;
  readonly message: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly details?: readonly ErrorDetail[];
}

/**
 * What a caller is told when nothing served, judged by the last attempt on each target: the caller's own fault, then time,
 * rate limits, reachability, and else a bad gateway. Providers' words are told only of the caller's own faults.
 */
export function judgeExhaustion(exhaustion: Exhaustion): RpcError {
  return toError(judge(exhaustion, lastAttempts(exhaustion.attempts)), exhaustion);
}

function toError(verdict: Verdict, { endpoint, trail }: Pick<Exhaustion, "endpoint" | "trail">): RpcError {
  return new RpcError({
    code: verdict.code,
    reason: verdict.reason,
    message: verdict.message,
    metadata: {
      ...verdict.metadata,
      endpoint,
      revision: String(trail.revision),
      http_status: String(verdict.httpStatus),
    },
    details: [...(verdict.details ?? []), { type: trailDetailType, value: encodeTrailDetail(trail) }],
  });
}

function judge(exhaustion: Exhaustion, last: readonly AttemptRecord[]): Verdict {
  const { endpoint } = exhaustion;
  const fault = last.findLast(({ failure }) => failure !== undefined && isCallerFault(failure.failureClass));
  if (fault !== undefined) {
    return toCallerFault(fault);
  }
  if (exhaustion.isPastDeadline) {
    return {
      code: "DEADLINE_EXCEEDED",
      reason: "DEADLINE_EXCEEDED",
      httpStatus: 504,
      message: `The request's deadline passed before a target of endpoint ${endpoint} answered. ${summary(last.length === 0 ? exhaustion.attempts : last)}`,
    };
  }
  const every = (holds: (attempt: AttemptRecord) => boolean) => last.length > 0 && last.every(holds);
  if (every((attempt) => isTimeout(classOf(attempt)))) {
    return {
      code: "DEADLINE_EXCEEDED",
      reason: "TARGETS_EXHAUSTED",
      httpStatus: 504,
      message: `No target of endpoint ${endpoint} answered in time. ${summary(last)}`,
    };
  }
  if (every((attempt) => classOf(attempt) === FailureClass.PROVIDER_RATE_LIMITED)) {
    return {
      code: "RESOURCE_EXHAUSTED",
      reason: "TARGETS_RATE_LIMITED",
      httpStatus: 429,
      message: `Every target of endpoint ${endpoint} is rate limited by its provider. ${summary(last)}`,
      details: toRetryInfo(last, exhaustion.nowMs),
    };
  }
  if (last.length === 0 && exhaustion.attempts.length > 0) {
    return {
      code: "UNAVAILABLE",
      reason: "TARGETS_SATURATED",
      httpStatus: 503,
      message: `Every target of endpoint ${endpoint} has as many requests in flight as it may have.`,
      details: [toRetryDetail(saturatedRetryMs)],
    };
  }
  if (every(isUnreachable)) {
    return {
      code: "UNAVAILABLE",
      reason: "TARGETS_UNREACHABLE",
      httpStatus: 503,
      message: `No target of endpoint ${endpoint} could be reached. ${summary(last)}`,
    };
  }
  if (last.some((attempt) => classOf(attempt) === FailureClass.GATEWAY_INTERNAL)) {
    return { code: "INTERNAL", reason: "INTERNAL", httpStatus: 500, message: gatewayFaultMessage };
  }
  return {
    code: "UNAVAILABLE",
    reason: "TARGETS_EXHAUSTED",
    httpStatus: 502,
    message: `No target of endpoint ${endpoint} could answer. ${summary(last)}`,
  };
}

/** What a caller is told of a stream that broke after its commit. What was sent stands. */
export function judgeBrokenStream(
  of: Pick<Exhaustion, "endpoint" | "trail" | "isPastDeadline">,
  failure: ProviderFailure,
): RpcError {
  const failureClass = enumName(errorsV1.FailureClass, failure.failureClass);
  const told = failure.callerError;
  return new RpcError({
    code: of.isPastDeadline ? "DEADLINE_EXCEEDED" : "UNAVAILABLE",
    reason: "STREAM_BROKEN",
    message: told?.message || `The stream of endpoint ${of.endpoint} broke: ${failureClass}.`,
    metadata: {
      ...toldMetadata(told),
      class: failureClass,
      endpoint: of.endpoint,
      revision: String(of.trail.revision),
      http_status: of.isPastDeadline ? "504" : "502",
    },
    details: [{ type: trailDetailType, value: encodeTrailDetail(of.trail) }],
  });
}

/** What a caller is told of a request that a fault of our own ended. */
export function judgeGatewayFault(of: Pick<Exhaustion, "endpoint" | "trail">): RpcError {
  return toError({ code: "INTERNAL", reason: "INTERNAL", httpStatus: 500, message: gatewayFaultMessage }, of);
}

/** For each target the last of its attempts, in the order of those. */
function lastAttempts(attempts: readonly AttemptRecord[]): AttemptRecord[] {
  const called = attempts.filter((attempt) => !isSkipped(attempt));
  return called.filter(({ link }, index) => called.findLastIndex((other) => other.link === link) === index);
}

function toCallerFault({ failure, status }: AttemptRecord): Verdict {
  const told = failure?.callerError;
  const httpStatus = status >= 400 && status < 500 ? status : 400;
  return {
    code: "INVALID_ARGUMENT",
    reason: "CALLER_FAULT",
    httpStatus,
    message: told?.message || "The provider refused the request.",
    metadata: {
      class: enumName(errorsV1.FailureClass, failure?.failureClass ?? FailureClass.UNSPECIFIED),
      ...toldMetadata(told),
    },
  };
}

function toldMetadata(told: ProviderFailure["callerError"]): Readonly<Record<string, string>> {
  return {
    ...(told === undefined ? {} : { type: told.type }),
    ...(told?.code === undefined ? {} : { code: told.code }),
    ...(told?.param === undefined ? {} : { param: told.param }),
  };
}

function toRetryInfo(last: readonly AttemptRecord[], nowMs: number): readonly ErrorDetail[] {
  let smallestMs = Number.POSITIVE_INFINITY;
  for (const { failure, startedAtMs, durationMs } of last) {
    if (failure?.retryAfterMs !== undefined) {
      smallestMs = Math.min(smallestMs, Math.max(0, startedAtMs + durationMs + failure.retryAfterMs - nowMs));
    }
  }
  return smallestMs === Number.POSITIVE_INFINITY ? [] : [toRetryDetail(smallestMs)];
}

function toRetryDetail(waitMs: number): ErrorDetail {
  const seconds = Math.floor(waitMs / 1000);
  const retryDelay = { seconds: BigInt(seconds), nanos: Math.round((waitMs - seconds * 1000) * 1e6) };
  return { type: "google.rpc.RetryInfo", value: googleRpc.RetryInfo.encode({ retryDelay }).finish() };
}

/** A target of which its health check knows that it is down counts as unreachable, whatever it said. */
function isUnreachable(attempt: AttemptRecord): boolean {
  const failureClass = classOf(attempt);
  return (
    failureClass === FailureClass.PROVIDER_TIMEOUT_CONNECT ||
    (failureClass === FailureClass.PROVIDER_NETWORK && !attempt.wasConnected) ||
    attempt.link.target.health.isProbeFailing
  );
}

function classOf({ failure }: AttemptRecord): errorsV1.FailureClass {
  return failure?.failureClass ?? FailureClass.UNSPECIFIED;
}

function summary(last: readonly AttemptRecord[]): string {
  if (last.length === 0) {
    return "It has no target that could be called.";
  }
  const told = last.map((attempt) => {
    const status = attempt.status === 0 ? "" : ` ${attempt.status}`;
    return `${attempt.link.target.label}: ${enumName(errorsV1.FailureClass, classOf(attempt))}${status}`;
  });
  return `${told.join("; ")}.`;
}
