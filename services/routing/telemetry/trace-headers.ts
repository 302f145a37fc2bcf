import { isSpanContextValid, type SpanContext, TraceFlags } from "@opentelemetry/api";

/** The W3C headers that continue a trace at a provider; none when there is no trace. */
export function toTraceHeaders(spanContext: SpanContext | undefined): Readonly<Record<string, string>> {
  if (spanContext === undefined || !isSpanContextValid(spanContext)) {
    return {};
  }
  const flags = (spanContext.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, "0");
  const traceparent = `00-${spanContext.traceId}-${spanContext.spanId}-${flags}`;
  const tracestate = spanContext.traceState?.serialize();
  return tracestate ? { traceparent, tracestate } : { traceparent };
}
