import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import {
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";

const propagator = new W3CTraceContextPropagator();

/** The context that a caller's `traceparent` and `tracestate` describe; the root context without them. Baggage stays out. */
export function readTraceParent(headers: IncomingHttpHeaders): Context {
  return headers.traceparent === undefined
    ? ROOT_CONTEXT
    : propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
}

/**
 * The context of a trace that is not sampled, for calls that belong to no request: a service that is called without any
 * context begins a trace of its own.
 */
export function createUnsampledContext(): Context {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.NONE });
}

/** Value of the `traceresponse` header. */
export function toTraceResponse({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags === 1 ? "01" : "00"}`;
}
