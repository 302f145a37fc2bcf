import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { enumName, errorsV1 } from "#contracts";
import { type AttemptRecord, isSkipped } from "../attempts/attempt-record.ts";
import type { Chain } from "../chain/chain.ts";
import { skippedTargets } from "../chain/chain-chances.ts";
import type { Clock } from "../clock.ts";
import type { CompiledEndpoint } from "../snapshot/snapshot.ts";
import { AttemptSpan, type AttemptStart, type AttemptSurroundings } from "./attempt-span.ts";
import { SpanClock } from "./span-clock.ts";
import {
  attributes,
  expressionFailedEventName,
  operationName,
  resolveSpanName,
  skippedEventName,
} from "./span-names.ts";

/** What became of a request. */
export type RequestOutcome = "served" | "failed" | "stream_broken" | "cancelled";

/** The span of one request that is recorded: the logical operation, with all its attempts below it. */
export class RequestSpan {
  readonly #span: Span;
  readonly #below: AttemptSurroundings;

  /** `below` says where spans of this request go: its `parent` holds `span`. */
  constructor(span: Span, below: AttemptSurroundings) {
    this.#span = span;
    this.#below = below;
    span.setAttributes({
      [attributes.operation]: operationName,
      [attributes.endpoint]: below.endpoint,
      [attributes.revision]: below.revision,
    });
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  /** Records how the chain was resolved, with an event for every target that is not tried. */
  recordChain(endpoint: CompiledEndpoint, chain: Chain, draw: number): void {
    const { tracer, parent, revision, clock } = this.#below;
    const span = tracer.startSpan(
      resolveSpanName,
      {
        kind: SpanKind.INTERNAL,
        startTime: clock.nowMs(),
        attributes: {
          [attributes.endpoint]: endpoint.name,
          [attributes.revision]: revision,
          [attributes.strategy]: endpoint.drawsByWeight ? "REQUEST_BASED_TRAFFIC_SPLIT" : "FIRST_PRIMARY",
          [attributes.rule]: chain.rule,
          [attributes.draw]: draw,
          [attributes.chain]: chain.links.map(({ target }) => target.label),
        },
      },
      parent,
    );
    for (const { target, reason } of skippedTargets(endpoint, chain)) {
      span.addEvent(skippedEventName, {
        [attributes.targetId]: target.health.id,
        [attributes.mappingId]: target.mappingId,
        [attributes.skipReason]: reason,
      });
    }
    for (const note of chain.notes) {
      span.addEvent(expressionFailedEventName, { [attributes.expressionError]: note });
    }
    span.end(clock.nowMs());
  }

  startAttempt(start: AttemptStart): AttemptSpan {
    return new AttemptSpan(start, this.#below);
  }

  /** Targets that had no place when their turn came; those of which the chain knew are told by its own span. */
  #recordSkipped(attempts: readonly AttemptRecord[]): void {
    for (const attempt of attempts) {
      const { link, failure } = attempt;
      if (isSkipped(attempt) && failure !== undefined) {
        this.#span.addEvent(skippedEventName, {
          [attributes.targetId]: link.target.health.id,
          [attributes.mappingId]: link.target.mappingId,
          [attributes.skipReason]: enumName(errorsV1.FailureClass, failure.failureClass),
        });
      }
    }
  }

  /** Ends the span. Its status is an error only when nothing served. */
  end(outcome: RequestOutcome, attempts: readonly AttemptRecord[], served: AttemptRecord | undefined): void {
    let inputTokens = 0;
    let outputTokens = 0;
    const made = attempts.filter((attempt) => !isSkipped(attempt));
    if (made.length < attempts.length) {
      this.#recordSkipped(attempts);
    }
    for (const { usage } of made) {
      inputTokens += usage?.inputTokens ?? 0;
      outputTokens += usage?.outputTokens ?? 0;
    }
    this.#span.setAttributes({
      [attributes.usageInputTokens]: inputTokens,
      [attributes.usageOutputTokens]: outputTokens,
      [attributes.attempts]: made.length,
      [attributes.fallbackUsed]: made.some(isFallback),
      [attributes.outcome]: outcome,
      ...(served === undefined ? {} : { [attributes.servedTarget]: served.link.target.label }),
    });
    if (outcome === "failed" || outcome === "stream_broken") {
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end(this.#below.clock.nowMs());
  }
}

/** Whether the request went on to another target. A hedge that lost changed nothing. */
function isFallback({ link, failure }: AttemptRecord): boolean {
  return link.position > 0 && failure?.failureClass !== errorsV1.FailureClass.HEDGE_LOST;
}

/** What the span of a request is started with. */
export interface RequestSpanStart {
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly endpoint: string;
  readonly revision: bigint;
}

/** Starts the span of a request, or nothing when it is not sampled. */
export function startRequestSpan(start: RequestSpanStart, parent: Context = ROOT_CONTEXT): RequestSpan | undefined {
  const parentContext = trace.getSpanContext(parent);
  if (
    parentContext !== undefined &&
    isSpanContextValid(parentContext) &&
    (parentContext.traceFlags & TraceFlags.SAMPLED) === 0
  ) {
    return undefined;
  }
  const { tracer, endpoint } = start;
  const span = tracer.startSpan(`${operationName} ${endpoint}`, { kind: SpanKind.INTERNAL }, parent);
  if (!span.isRecording()) {
    return undefined;
  }
  const revision = Number(start.revision);
  const clock = new SpanClock(start.clock);
  return new RequestSpan(span, { tracer, parent: trace.setSpan(parent, span), endpoint, revision, clock });
}
