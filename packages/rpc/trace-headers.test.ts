import { createTraceState, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { describe, expect, test } from "vitest";
import { fromTraceHeaders, toTraceHeaders } from "./trace-headers.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

function headersOf(context = ROOT_CONTEXT): Record<string, string> {
  const headers: Record<string, string> = {};
  toTraceHeaders(context, (key, value) => {
    headers[key] = value;
  });
  return headers;
}

describe("trace headers", () => {
  test.each(["00", "01"])("come back as they went in, flags %s", (flags) => {
    const sent = { traceparent: `00-${traceId}-${spanId}-${flags}`, tracestate: "vendor=a,other=b" };
    const context = fromTraceHeaders(sent.traceparent, sent.tracestate);
    expect(headersOf(context)).toEqual(sent);
    expect(trace.getSpanContext(context ?? ROOT_CONTEXT)?.isRemote).toBe(true);
  });

  test("of a newer version are read as far as they are known", () => {
    const context = fromTraceHeaders(`cc-${traceId}-${spanId}-01-what-comes-later`, undefined);
    expect(headersOf(context)).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
  });

  test.each([
    ["none", undefined],
    ["empty", ""],
    ["of a forbidden version", `ff-${traceId}-${spanId}-01`],
    ["with more than version 00 has", `00-${traceId}-${spanId}-01-extra`],
    ["in capitals", `00-${traceId.toUpperCase()}-${spanId}-01`],
    ["with a trace id of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
    ["with a span id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["too short", `00-${traceId}-${spanId}`],
  ])("that are %s count as none", (_name, traceparent) => {
    expect(fromTraceHeaders(traceparent, "vendor=a")).toBeUndefined();
  });

  test("have no state when it is too long", () => {
    const context = fromTraceHeaders(`00-${traceId}-${spanId}-01`, `vendor=${"x".repeat(600)}`);
    expect(headersOf(context)).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
  });

  test("are not written where there is no span", () => {
    expect(headersOf()).toEqual({});
    const invalid = { traceId: "0".repeat(32), spanId, traceFlags: 1, traceState: createTraceState("a=b") };
    expect(headersOf(trace.setSpanContext(ROOT_CONTEXT, invalid))).toEqual({});
  });
});
