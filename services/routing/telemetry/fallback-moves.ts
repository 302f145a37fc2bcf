import { enumName, errorsV1, inferenceV1 } from "#contracts";
import type { AttemptRecord } from "../attempts/attempt-record.ts";

/** A move from one target to the next because of a failure. */
export interface FallbackMove {
  /** `provider/model`. */
  readonly from: string;
  readonly to: string;
  /** Name of the failure class. */
  readonly failureClass: string;
}

/** The moves of one request, in their order; `attempts` are in the order in which they began. */
export function toFallbackMoves(attempts: readonly AttemptRecord[]): FallbackMove[] {
  const moves: FallbackMove[] = [];
  for (const failed of attempts) {
    const { decision, failure, link } = failed;
    const next = decision === inferenceV1.AttemptDecision.NEXT ? takenOverBy(failed, attempts) : undefined;
    if (failure !== undefined && next !== undefined) {
      const failureClass = enumName(errorsV1.FailureClass, failure.failureClass);
      moves.push({ from: link.target.label, to: next.link.target.label, failureClass });
    }
  }
  return moves;
}

/** What began after the failure; failing that, what a hedge had begun before it. */
function takenOverBy(failed: AttemptRecord, attempts: readonly AttemptRecord[]): AttemptRecord | undefined {
  const endMs = failed.startedAtMs + failed.durationMs;
  const later = attempts.slice(attempts.indexOf(failed) + 1);
  return (
    later.find(({ startedAtMs }) => startedAtMs >= endMs) ??
    attempts.find((other) => other !== failed && other.startedAtMs + other.durationMs > endMs)
  );
}
