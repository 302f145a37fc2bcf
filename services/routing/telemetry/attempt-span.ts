import { type Attributes, type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import { configV1, enumName, errorsV1, inferenceV1 } from "#contracts";
import type { AttemptRecord } from "../attempts/attempt-record.ts";
import type { PlannedCall } from "../attempts/planned-call.ts";
import type { BreakerState } from "../health/target-breaker.ts";
import { isTimeout } from "../policy/failure-policy.ts";
import type { Target } from "../snapshot/snapshot.ts";
import type { SpanClock } from "./span-clock.ts";
import { attributes, breakerEventName, coolingEventName, operationName } from "./span-names.ts";

const mostCharacters = 256;

/** What the span of an attempt tells of its beginning. */
export interface AttemptStart {
  readonly planned: PlannedCall;
  readonly number: number;
}

/** What of a target's health an attempt may change. */
export interface HealthOnSpan {
  readonly breaker: BreakerState;
  /** Milliseconds for which it is still to be left alone. */
  readonly coolingMs: number;
}

/** The health of a target as it is now, in milliseconds of the monotonic clock. */
export function toHealthOnSpan({ health, breaker }: Target, nowMs: number): HealthOnSpan {
  return { breaker: breaker.state(nowMs), coolingMs: health.coolingMs(nowMs) };
}

/** What the spans of all attempts of one request have in common. */
export interface AttemptSurroundings {
  readonly tracer: Tracer;
  readonly parent: Context;
  readonly endpoint: string;
  readonly revision: number;
  readonly clock: SpanClock;
}

/** The span of one attempt that is recorded. */
export class AttemptSpan {
  readonly #span: Span;
  readonly #clock: SpanClock;

  constructor(start: AttemptStart, surroundings: AttemptSurroundings) {
    const { target, position } = start.planned.link;
    this.#clock = surroundings.clock;
    this.#span = surroundings.tracer.startSpan(
      `${operationName} ${target.model}`,
      {
        kind: SpanKind.CLIENT,
        startTime: this.#clock.nowMs(),
        attributes: {
          [attributes.operation]: operationName,
          [attributes.provider]: target.providerId,
          [attributes.requestModel]: target.model,
          [attributes.endpoint]: surroundings.endpoint,
          [attributes.revision]: surroundings.revision,
          [attributes.targetId]: target.health.id,
          [attributes.mappingId]: target.mappingId,
          [attributes.targetRole]: enumName(configV1.GatewayModelLinkageType, target.role).toLowerCase(),
          [attributes.attemptNumber]: start.number,
          [attributes.attemptRetry]: start.planned.triesBefore > 0,
          [attributes.attemptFallbackIndex]: position,
          [attributes.attemptBackoffMs]: Math.round(start.planned.waitMs),
        },
      },
      surroundings.parent,
    );
  }

  get spanContext() {
    return this.#span.spanContext();
  }

  /** Where the call goes; `origin` is scheme, host and port. */
  setServer(origin: string): void {
    const url = URL.parse(origin);
    if (url !== null && url.hostname !== "") {
      const defaultPort = url.protocol === "http:" ? 80 : 443;
      this.#span.setAttribute(attributes.serverAddress, url.hostname);
      this.#span.setAttribute(attributes.serverPort, url.port === "" ? defaultPort : Number(url.port));
    }
  }

  /** A stream's first output has come, so many milliseconds after the attempt's start. */
  setFirstOutput(afterMs: number): void {
    this.#span.setAttribute(attributes.timeToFirstChunk, afterMs / 1000);
  }

  /** Tells what the attempt's outcome changed about the health of its target, if anything. */
  addHealthChange(before: HealthOnSpan, after: HealthOnSpan): void {
    if (before.breaker !== after.breaker) {
      const change = { [attributes.breakerFrom]: before.breaker, [attributes.breakerTo]: after.breaker };
      this.#span.addEvent(breakerEventName, change);
    }
    if (after.coolingMs > before.coolingMs) {
      this.#span.addEvent(coolingEventName, { [attributes.coolingMs]: Math.ceil(after.coolingMs) });
    }
  }

  /** Ends the span with the attempt's outcome. */
  end(attempt: AttemptRecord): void {
    this.#span.setAttributes(toEndAttributes(attempt));
    const isCancelled = attempt.decision === inferenceV1.AttemptDecision.CANCELLED;
    if (attempt.failure !== undefined && !isCancelled) {
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end(this.#clock.nowMs());
  }
}

function toEndAttributes(attempt: AttemptRecord): Attributes {
  const { failure, usage, model, finishReasons } = attempt;
  return {
    [attributes.attemptDecision]: enumName(inferenceV1.AttemptDecision, attempt.decision).toLowerCase(),
    ...(model === undefined ? {} : { [attributes.responseModel]: toShort(model) }),
    ...(finishReasons.length === 0 ? {} : { [attributes.finishReasons]: finishReasons.map(toShort) }),
    ...(usage === undefined
      ? {}
      : { [attributes.inputTokens]: usage.inputTokens, [attributes.outputTokens]: usage.outputTokens }),
    ...(failure === undefined
      ? {}
      : {
          [attributes.attemptFailureClass]: enumName(errorsV1.FailureClass, failure.failureClass),
          [attributes.errorType]: toErrorType(failure.failureClass, attempt.status),
        }),
  };
}

/** What a provider says of itself is its own, and may be of any length. */
function toShort(text: string): string {
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters)}...` : text;
}

/** The HTTP status where it tells of the failure, `timeout`, or the failure class. */
function toErrorType(failureClass: errorsV1.FailureClass, status: number): string {
  if (status >= 300) {
    return String(status);
  }
  return isTimeout(failureClass) ? "timeout" : enumName(errorsV1.FailureClass, failureClass);
}
