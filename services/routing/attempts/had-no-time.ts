import { errorsV1 } from "#contracts";
import type { Attempt } from "./attempt.ts";
import type { ChainRequest } from "./chain-request.ts";

/** What the deadline of a run depends on. */
interface Deadline {
  readonly request: Pick<ChainRequest, "callerDeadlineAtMs" | "endpoint">;
  readonly deadlineAtMs: number;
}

/**
 * Whether an attempt that the request's deadline ended tells nothing of its target: the deadline was the caller's own, or other
 * attempts had used up most of it.
 */
export function hadNoTime({ failure, durationMs }: Attempt, { request, deadlineAtMs }: Deadline): boolean {
  if (failure?.failureClass !== errorsV1.FailureClass.PROVIDER_TIMEOUT_TOTAL) {
    return false;
  }
  const { callerDeadlineAtMs, endpoint } = request;
  return deadlineAtMs === callerDeadlineAtMs || durationMs < endpoint.policy.deadlineMs / 2;
}
