import type { ProviderFailure } from "#providers";
import type { HealthPermit } from "../health/target-health.ts";
import type { FailurePolicy } from "../policy/failure-policy.ts";
import type { Target } from "../snapshot/snapshot.ts";

/** Milliseconds for which a target is left alone that needs somebody to act, where the provider names no time. */
const longCoolMs = 300_000;

/** A call that is over. */
export interface CallOutcome {
  readonly target: Target;
  readonly permit: HealthPermit;
  /** Undefined: it served. */
  readonly failure: ProviderFailure | undefined;
  readonly failures: FailurePolicy;
}

/** Tells a target's health what a call to it came to, as the table of failure classes says. */
export function reportOutcome({ target, permit, failure, failures }: CallOutcome, nowMs: number): void {
  if (failure === undefined) {
    permit.report("success", nowMs);
    return;
  }
  const { hurts } = failures[failure.failureClass];
  permit.report(hurts === "yes" || hurts === "long" ? "failure" : "neutral", nowMs);
  if (hurts === "long") {
    target.health.cool(nowMs + (failure.retryAfterMs ?? longCoolMs), nowMs);
  }
  if (hurts === "cool" && failure.retryAfterMs !== undefined) {
    target.health.cool(nowMs + failure.retryAfterMs, nowMs);
  }
}
