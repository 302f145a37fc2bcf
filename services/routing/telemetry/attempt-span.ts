import { type Attributes, type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import { configV1, enumName, errorsV1, inferenceV1 } from "#contracts";
import type { Try } from "../attempts/attempt-queue.ts";
import type { AttemptRecord } from "../attempts/attempt-record.ts";
import { isTimeout } from "../policy/failure-policy.ts";
import type { SpanClock } from "./span-clock.ts";
import { attributes, breakerEventName, operationName } from "./span-names.ts";

/** What the span of an attempt tells of its beginning. */
export interface AttemptStart {
  readonly try: Try;
  readonly number: number;
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
    const { target, position } = start.try.link;
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
          [attributes.attemptRetry]: start.try.triesBefore > 0,
          [attributes.attemptFallbackIndex]: position,
          [attributes.attemptBackoffMs]: Math.round(start.try.waitMs),
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

  /** The attempt's outcome moved the breaker of its target. */
  addBreakerChange(from: string, to: string): void {
    this.#span.addEvent(breakerEventName, { [attributes.breakerFrom]: from, [attributes.breakerTo]: to });
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
    ...(model === undefined ? {} : { [attributes.responseModel]: model }),
    ...(finishReasons.length === 0 ? {} : { [attributes.finishReasons]: [...finishReasons] }),
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

/** The HTTP status where it tells of the failure, `timeout`, or the failure class. */
function toErrorType(failureClass: errorsV1.FailureClass, status: number): string {
  if (status >= 300) {
    return String(status);
  }
  return isTimeout(failureClass) ? "timeout" : enumName(errorsV1.FailureClass, failureClass);
}
