import {
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from "@opentelemetry/api";

const traceparentPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const maxTracestateLength = 512;

/**
 * Reads the W3C `traceparent` and `tracestate` that came with a call: a context that holds the caller's span, or undefined
 * when there is none that is valid.
 */
export function fromTraceHeaders(traceparent: string | undefined, tracestate: string | undefined): Context | undefined {
  const found = traceparent === undefined ? null : traceparentPattern.exec(traceparent);
  if (found === null) {
    return undefined;
  }
  const [, version, traceId = "", spanId = "", flags = "00", rest] = found;
  if (version === "ff" || (version === "00" && rest !== undefined)) {
    return undefined;
  }
  const spanContext: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate === undefined || tracestate.length > maxTracestateLength
      ? {}
      : { traceState: createTraceState(tracestate) }),
  };
  return isSpanContextValid(spanContext) ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : undefined;
}

/** Writes the span of a context as W3C headers by `set`, which is not called when the context holds none. */
export function toTraceHeaders(context: Context, set: (key: string, value: string) => void): void {
  const spanContext = trace.getSpanContext(context);
  if (spanContext === undefined || !isSpanContextValid(spanContext)) {
    return;
  }
  const flags = (spanContext.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, "0");
  set("traceparent", `00-${spanContext.traceId}-${spanContext.spanId}-${flags}`);
  const tracestate = spanContext.traceState?.serialize();
  if (tracestate !== undefined && tracestate !== "") {
    set("tracestate", tracestate);
  }
}
