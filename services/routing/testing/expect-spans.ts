import { expect } from "vitest";
import { configV1, enumName, errorsV1, inferenceV1 } from "#contracts";
import type { RpcError } from "#rpc";
import type { SeenSpan, TestRouting } from "./test-routing.ts";

/** The trail in the details of a failed call. */
export function trailOf(error: RpcError): inferenceV1.RouteTrail | undefined {
  return error.detail("spillway.inference.v1.RouteTrail", inferenceV1.RouteTrail);
}

/**
 * The spans must tell the same story as the trail: one span for each attempt, in order, none overlapping but those of a
 * hedge. Targets that were skipped have none.
 */
export function expectSpansToTell(
  routing: TestRouting,
  trail: inferenceV1.RouteTrail | undefined,
  { isHedged = false } = {},
): void {
  const attempts = (trail?.attempts ?? []).filter(({ index }) => index > 0);
  const spans = routing.attemptSpans.sort((left, right) => numberOf(left) - numberOf(right));
  const { requestSpan } = routing;
  expect(spans.map(({ attributes }) => attributes["spillway.attempt.number"])).toEqual(
    attempts.map(({ index }) => index),
  );
  for (const [place, attempt] of attempts.entries()) {
    const span = spans[place];
    const isFailed = attempt.failureClass !== errorsV1.FailureClass.UNSPECIFIED;
    const isCancelled = attempt.decision === inferenceV1.AttemptDecision.CANCELLED;
    expect(span?.parentSpanId).toBe(requestSpan?.spanId);
    expect(span?.status).toBe(isFailed && !isCancelled ? "ERROR" : "UNSET");
    expect(span?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "spillway.mapping.id": attempt.mappingId,
      "spillway.target.role": enumName(configV1.GatewayModelLinkageType, attempt.role).toLowerCase(),
      "spillway.attempt.decision": enumName(inferenceV1.AttemptDecision, attempt.decision).toLowerCase(),
    });
    expect(span?.attributes["spillway.attempt.failure_class"]).toBe(
      isFailed ? enumName(errorsV1.FailureClass, attempt.failureClass) : undefined,
    );
    const previous = spans[place - 1];
    if (previous !== undefined && span !== undefined && isHedged) {
      expect(span.startMs).toBeGreaterThanOrEqual(previous.startMs);
    } else if (previous !== undefined && span !== undefined) {
      expect(span.startMs).toBeGreaterThanOrEqual(previous.endMs);
    }
  }
  expect(requestSpan).toMatchObject({ kind: "INTERNAL", name: "chat chat" });
  expect(requestSpan?.attributes["spillway.attempts"]).toBe(attempts.length);
  const isServed = requestSpan?.attributes["spillway.outcome"] === "served";
  const isCancelled = requestSpan?.attributes["spillway.outcome"] === "cancelled";
  expect(requestSpan?.status).toBe(isServed || isCancelled ? "UNSET" : "ERROR");
}

function numberOf({ attributes }: SeenSpan): number {
  return Number(attributes["spillway.attempt.number"]);
}
