import type { IncomingHttpHeaders } from "node:http";
import { type Context, ROOT_CONTEXT, type SpanContext, type TextMapGetter } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";

const propagator = new W3CTraceContextPropagator();

const headerGetter: TextMapGetter<IncomingHttpHeaders> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => headers[name],
};

/** The context that a caller's `traceparent` and `tracestate` describe; the root context without them. Baggage stays out. */
export function readTraceParent(headers: IncomingHttpHeaders): Context {
  return headers.traceparent === undefined ? ROOT_CONTEXT : propagator.extract(ROOT_CONTEXT, headers, headerGetter);
}

/** Value of the `traceresponse` header. */
export function toTraceResponse({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags === 1 ? "01" : "00"}`;
}
