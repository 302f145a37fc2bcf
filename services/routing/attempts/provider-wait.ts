import { type AttemptRecord, isSkipped, isUnderWay } from "./attempt-record.ts";

/**
 * Milliseconds in which at least one provider was being waited for: what two attempts of a hedge share counts once. Attempts
 * stand in the order of their starts; one that is under way lasts until now.
 */
export function toProviderWaitMs(attempts: readonly AttemptRecord[], nowMs: number): number {
  let waitedMs = 0;
  let waitedUntilMs = Number.NEGATIVE_INFINITY;
  for (const attempt of attempts) {
    if (isSkipped(attempt)) {
      continue;
    }
    const endMs = isUnderWay(attempt) ? nowMs : attempt.startedAtMs + attempt.durationMs;
    if (endMs > waitedUntilMs) {
      waitedMs += endMs - Math.max(waitedUntilMs, attempt.startedAtMs);
      waitedUntilMs = endMs;
    }
  }
  return waitedMs;
}
