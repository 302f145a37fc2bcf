import { type configV1, errorsV1 } from "#contracts";

const { FailureClass } = errorsV1;
type FailureClass = errorsV1.FailureClass;

/** What a failure means for what is tried afterwards. */
export interface FailureRule {
  /**
   * Whether the same target is tried again: `backoff` after a wait of ours, `once` a single time and at once, `last` only
   * when nothing else is left to try.
   */
  readonly retry: "no" | "backoff" | "once" | "last";
  /** Whether the next target is tried; `larger-window` means only targets with a context window declared larger. */
  readonly next: "no" | "yes" | "larger-window";
  /**
   * Whether it speaks against the target: `cool` for as long as the provider asks, `long` for
   * that or five minutes.
   */
  readonly hurts: "no" | "yes" | "cool" | "long";
}

const stop: FailureRule = { retry: "no", next: "no", hurts: "no" };
const nextAndHurts: FailureRule = { retry: "no", next: "yes", hurts: "yes" };
const backoffThenNext: FailureRule = { retry: "backoff", next: "yes", hurts: "yes" };

/** The one table that says whether a request goes on after a failure, and how. */
export const defaultFailurePolicy: Readonly<Record<FailureClass, FailureRule>> = {
  [FailureClass.UNRECOGNIZED]: nextAndHurts,
  [FailureClass.UNSPECIFIED]: nextAndHurts,
  [FailureClass.CALLER_INVALID_REQUEST]: stop,
  [FailureClass.CALLER_CONTEXT_LENGTH_EXCEEDED]: { retry: "no", next: "larger-window", hurts: "no" },
  [FailureClass.CALLER_CONTENT_POLICY]: stop,
  [FailureClass.CALLER_CANCELLED]: stop,
  [FailureClass.POLICY_RATE_LIMITED]: stop,
  [FailureClass.POLICY_BUDGET_EXCEEDED]: stop,
  [FailureClass.POLICY_GUARDRAIL_BLOCKED]: stop,
  [FailureClass.POLICY_FORBIDDEN]: stop,
  [FailureClass.PROVIDER_RATE_LIMITED]: { retry: "last", next: "yes", hurts: "cool" },
  [FailureClass.PROVIDER_QUOTA_EXHAUSTED]: { retry: "no", next: "yes", hurts: "long" },
  [FailureClass.PROVIDER_CREDENTIALS_REJECTED]: nextAndHurts,
  [FailureClass.PROVIDER_MODEL_NOT_FOUND]: nextAndHurts,
  [FailureClass.PROVIDER_OVERLOADED]: backoffThenNext,
  [FailureClass.PROVIDER_ERROR]: backoffThenNext,
  [FailureClass.PROVIDER_TIMEOUT_CONNECT]: backoffThenNext,
  [FailureClass.PROVIDER_TIMEOUT_FIRST_TOKEN]: nextAndHurts,
  [FailureClass.PROVIDER_TIMEOUT_IDLE]: nextAndHurts,
  [FailureClass.PROVIDER_TIMEOUT_TOTAL]: nextAndHurts,
  [FailureClass.PROVIDER_NETWORK]: { retry: "once", next: "yes", hurts: "yes" },
  [FailureClass.PROVIDER_BAD_RESPONSE]: nextAndHurts,
  [FailureClass.PROVIDER_STREAM_TRUNCATED]: nextAndHurts,
  [FailureClass.TARGET_SATURATED]: { retry: "no", next: "yes", hurts: "no" },
  [FailureClass.HEDGE_LOST]: stop,
  [FailureClass.GATEWAY_INTERNAL]: stop,
};

/** A table in which every class has its rule. */
export type FailurePolicy = typeof defaultFailurePolicy;

/** Failures that are the caller's own: they never hurt a target, and the caller is told what the provider said. */
export function isCallerFault(failureClass: FailureClass): boolean {
  return (
    failureClass === FailureClass.CALLER_INVALID_REQUEST ||
    failureClass === FailureClass.CALLER_CONTEXT_LENGTH_EXCEEDED ||
    failureClass === FailureClass.CALLER_CONTENT_POLICY
  );
}

/** Failures by a time limit. */
export function isTimeout(failureClass: FailureClass): boolean {
  return (
    failureClass === FailureClass.PROVIDER_TIMEOUT_CONNECT ||
    failureClass === FailureClass.PROVIDER_TIMEOUT_FIRST_TOKEN ||
    failureClass === FailureClass.PROVIDER_TIMEOUT_IDLE ||
    failureClass === FailureClass.PROVIDER_TIMEOUT_TOTAL
  );
}

/** The default table with an endpoint's `fallback_on` and `retry_on` applied. Without changes it is the default itself. */
export function resolveFailurePolicy(policy: configV1.Policy | undefined): FailurePolicy {
  const { fallbackOn, retryOn } = policy ?? {};
  if (fallbackOn === undefined && retryOn === undefined) {
    return defaultFailurePolicy;
  }
  const changed: Record<FailureClass, FailureRule> = { ...defaultFailurePolicy };
  for (const failureClass of fallbackOn?.add ?? []) {
    changed[failureClass] = { ...changed[failureClass], next: "yes" };
  }
  for (const failureClass of fallbackOn?.remove ?? []) {
    changed[failureClass] = { ...changed[failureClass], next: "no" };
  }
  for (const failureClass of retryOn?.add ?? []) {
    const rule = changed[failureClass];
    changed[failureClass] = { ...rule, retry: rule.retry === "no" ? "backoff" : rule.retry };
  }
  for (const failureClass of retryOn?.remove ?? []) {
    changed[failureClass] = { ...changed[failureClass], retry: "no" };
  }
  return changed;
}
