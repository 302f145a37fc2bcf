import { configV1, enumName, errorsV1, inferenceV1 } from "#contracts";

/** One call or skipped target, as an error body lists it. */
export interface OpenAiErrorAttempt {
  /** Number of the call, from 1; null for a target that was skipped. */
  readonly index: number | null;
  readonly target: string;
  /** `primary` or `fallback`. */
  readonly role: string;
  /** Failure class, or `SERVED`. */
  readonly class: string;
  /** HTTP status of the provider; null when none came. */
  readonly status: number | null;
  readonly duration_ms: number;
  /** `retry`, `next` or `stop`; null after `SERVED`. */
  readonly decision: string | null;
}

/** What an error of the OpenAI API says. */
export interface OpenAiError {
  readonly message: string;
  /** Kind of the error, e.g. `invalid_request_error`. */
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  /** Left out when nothing was called or skipped. */
  readonly attempts?: readonly OpenAiErrorAttempt[];
}

/** The JSON body of a failed HTTP answer. */
export function toOpenAiErrorBody(error: OpenAiError): string {
  const { message, type, param, code, attempts } = error;
  return JSON.stringify({ error: { message, type, param, code, attempts } });
}

/**
 * The event that ends a broken stream. It has no `event:` line, since clients skip named events, and nothing may follow it,
 * `[DONE]` included.
 */
export function toOpenAiErrorEvent(error: OpenAiError): string {
  return `data: ${toOpenAiErrorBody(error)}\n\n`;
}

/** The attempts of a trail in the words that callers are told: those of the trail header and of error bodies. */
export function toOpenAiErrorAttempts(trail: inferenceV1.RouteTrail): OpenAiErrorAttempt[] {
  return trail.attempts.map((attempt) => ({
    index: attempt.index === 0 ? null : attempt.index,
    target: attempt.target,
    role: toRoleName(attempt.role),
    class: toClassName(attempt),
    status: attempt.status === 0 ? null : attempt.status,
    duration_ms: Math.round(attempt.durationMs),
    decision: toDecisionName(attempt.decision),
  }));
}

/** `primary` or `fallback`. */
export function toRoleName(role: configV1.GatewayModelLinkageType): string {
  return enumName(configV1.GatewayModelLinkageType, role).toLowerCase();
}

/** The failure class of an attempt, or `SERVED`. */
export function toClassName(attempt: inferenceV1.Attempt): string {
  return attempt.decision === inferenceV1.AttemptDecision.SERVED
    ? "SERVED"
    : enumName(errorsV1.FailureClass, attempt.failureClass);
}

/** What was done after an attempt: `retry`, `next` or `stop`; null when it served. */
export function toDecisionName(decision: inferenceV1.AttemptDecision): string | null {
  switch (decision) {
    case inferenceV1.AttemptDecision.SERVED:
    case inferenceV1.AttemptDecision.UNSPECIFIED:
      return null;
    case inferenceV1.AttemptDecision.RETRY:
      return "retry";
    case inferenceV1.AttemptDecision.NEXT:
      return "next";
    default:
      return "stop";
  }
}
