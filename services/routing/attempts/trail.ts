import { errorsV1, inferenceV1 } from "#contracts";
import { type AttemptRecord, isUnderWay } from "./attempt-record.ts";
import type { ChainRequest } from "./chain-request.ts";
import { toProviderWaitMs } from "./provider-wait.ts";
import { toWireCount } from "./wire-count.ts";

const { AttemptDecision } = inferenceV1;
const { FailureClass } = errorsV1;

/** What a request went through until now. An attempt that is still under way counts as serving. */
export function toTrail(
  request: ChainRequest,
  attempts: readonly AttemptRecord[],
  nowMs: number,
): inferenceV1.RouteTrail {
  const providerWaitMs = toProviderWaitMs(attempts, nowMs);
  return {
    endpoint: request.endpoint.name,
    revision: request.snapshot.revision,
    rule: request.chain.rule,
    attempts: attempts.map((attempt) => toAttempt(request, attempt, nowMs)),
    overheadMs: Math.max(0, nowMs - request.startedAtMs - providerWaitMs),
    providerWaitMs,
  };
}

function toAttempt(request: ChainRequest, attempt: AttemptRecord, nowMs: number): inferenceV1.Attempt {
  const { link, failure, decision, usage } = attempt;
  const goesOn = isUnderWay(attempt);
  const told: inferenceV1.Attempt = {
    index: attempt.number,
    target: link.target.label,
    mappingId: link.target.mappingId,
    role: link.target.role,
    failureClass: failure === undefined ? FailureClass.UNSPECIFIED : failure.failureClass,
    status: attempt.status,
    startMs: attempt.startedAtMs - request.startedAtMs,
    durationMs: goesOn ? nowMs - attempt.startedAtMs : attempt.durationMs,
    decision: goesOn ? AttemptDecision.SERVED : decision,
  };
  if (usage !== undefined) {
    told.inputTokens = toWireCount(usage.inputTokens);
    told.outputTokens = toWireCount(usage.outputTokens);
  }
  return told;
}

// A status travels in a header, as base64 and beside its message: a longer detail would be left out there as a whole.
const longestDetailBytes = 3 * 1024;

/** The trail encoded for the details of a status: where it is too long for them, its oldest attempts are left out. */
export function encodeTrailDetail(trail: inferenceV1.RouteTrail): Uint8Array {
  let encoded = inferenceV1.RouteTrail.encode(trail).finish();
  for (let dropped = 1; encoded.length > longestDetailBytes && dropped <= trail.attempts.length; dropped += 1) {
    const shorter = { ...trail, attempts: trail.attempts.slice(dropped) };
    encoded = inferenceV1.RouteTrail.encode(shorter).finish();
  }
  return encoded;
}

/** Full name of the message that `encodeTrailDetail` encodes. */
export const trailDetailType = "spillway.inference.v1.RouteTrail";
