import { configV1, errorsV1 } from "#contracts";
import { enumViolations, rangeViolations, textViolations } from "../field-rules.ts";
import type { Violation } from "../violations.ts";

/** Whose policy it is: an endpoint's may hold everything, a model definition's or mapping's what concerns one target. */
export type PolicyHolder = "endpoint" | "target";

/** What is wrong with a policy; `prefix` is the path of the policy, e.g. `endpoint.policy`. */
export function policyViolations(
  policy: configV1.Policy | undefined,
  prefix: string,
  holder: PolicyHolder,
): Violation[] {
  if (policy === undefined) {
    return [];
  }
  return [
    ...timeoutViolations(policy.timeouts, `${prefix}.timeouts`),
    ...retryViolations(policy.retries, `${prefix}.retries`),
    ...breakerViolations(policy.breaker, `${prefix}.breaker`),
    ...rangeViolations(policy.maxConcurrency, `${prefix}.max_concurrency`, { least: 1, most: mostUint32 }),
    ...(holder === "endpoint" ? endpointPartViolations(policy, prefix) : misplacedFields(policy, prefix)),
  ];
}

/** What is wrong with an active health check; `prefix` is its path. */
export function probeViolations(probe: configV1.Probe | undefined, prefix: string): Violation[] {
  if (probe === undefined) {
    return [];
  }
  return [
    ...textViolations(probe.path, `${prefix}.path`, { maxLength: 2048 }),
    ...(probe.path === "" || probe.path.startsWith("/")
      ? []
      : [{ field: `${prefix}.path`, description: "must begin with /, e.g. /health" }]),
    ...rangeViolations(probe.intervalMs, `${prefix}.interval_ms`, { least: 100, most: mostMs }),
  ];
}

/** The longest time that a timer of Node can wait; a longer one would fire at once. */
const mostMs = 2 ** 31 - 1;
const mostUint32 = 2 ** 32 - 1;
const someMs = { least: 1, most: mostMs };

function timeoutViolations(timeouts: configV1.Timeouts | undefined, prefix: string): Violation[] {
  return [
    ...rangeViolations(timeouts?.connectMs, `${prefix}.connect_ms`, someMs),
    ...rangeViolations(timeouts?.firstTokenMs, `${prefix}.first_token_ms`, someMs),
    ...rangeViolations(timeouts?.firstByteMs, `${prefix}.first_byte_ms`, someMs),
    ...rangeViolations(timeouts?.idleMs, `${prefix}.idle_ms`, someMs),
    ...rangeViolations(timeouts?.attemptMs, `${prefix}.attempt_ms`, someMs),
    ...rangeViolations(timeouts?.deadlineMs, `${prefix}.deadline_ms`, someMs),
  ];
}

function retryViolations(retries: configV1.Retries | undefined, prefix: string): Violation[] {
  return [
    ...rangeViolations(retries?.max, `${prefix}.max`, { least: 0, most: 100 }),
    ...rangeViolations(retries?.initialBackoffMs, `${prefix}.initial_backoff_ms`, { least: 0, most: mostMs }),
    ...rangeViolations(retries?.maxBackoffMs, `${prefix}.max_backoff_ms`, { least: 0, most: mostMs }),
  ];
}

function breakerViolations(breaker: configV1.Breaker | undefined, prefix: string): Violation[] {
  const ratio = breaker?.failureRatio;
  return [
    ...(ratio === undefined || (ratio > 0 && ratio <= 1)
      ? []
      : [{ field: `${prefix}.failure_ratio`, description: `must be above 0 and at most 1, not ${ratio}` }]),
    ...rangeViolations(breaker?.minRequests, `${prefix}.min_requests`, { least: 1, most: mostUint32 }),
    ...rangeViolations(breaker?.windowMs, `${prefix}.window_ms`, someMs),
    ...rangeViolations(breaker?.openForMs, `${prefix}.open_for_ms`, someMs),
    ...rangeViolations(breaker?.halfOpenProbes, `${prefix}.half_open_probes`, { least: 1, most: mostUint32 }),
  ];
}

function endpointPartViolations(policy: configV1.Policy, prefix: string): Violation[] {
  return [
    ...rangeViolations(policy.maxTotalAttempts, `${prefix}.max_total_attempts`, { least: 1, most: 100 }),
    ...rangeViolations(policy.hedgeAfterMs, `${prefix}.hedge_after_ms`, someMs),
    ...rangeViolations(policy.maxQueueWaitMs, `${prefix}.max_queue_wait_ms`, { least: 0, most: mostMs }),
    ...streamModeViolations(policy.streamMode, `${prefix}.stream_mode`),
    ...classViolations(policy.fallbackOn, `${prefix}.fallback_on`),
    ...classViolations(policy.retryOn, `${prefix}.retry_on`),
  ];
}

function streamModeViolations(streamMode: configV1.StreamMode, field: string): Violation[] {
  const { INTERACTIVE, COMPLETE, CONTINUE } = configV1.StreamMode;
  return streamMode === CONTINUE
    ? [{ field, description: "CONTINUE is not accepted by this version; use INTERACTIVE or COMPLETE" }]
    : enumViolations(streamMode, field, { values: { INTERACTIVE, COMPLETE } });
}

function classViolations(changes: configV1.FailureClassChanges | undefined, prefix: string): Violation[] {
  const unknownIn = (side: "add" | "remove") =>
    (changes?.[side] ?? []).flatMap((value, index) =>
      enumViolations(value, `${prefix}.${side}[${index}]`, { values: errorsV1.FailureClass, isRequired: true }),
    );
  const removed = new Set(changes?.remove);
  const contradictions = (changes?.add ?? []).flatMap((value, index) =>
    removed.has(value) && value > 0
      ? [{ field: `${prefix}.add[${index}]`, description: "must not stand among the removed classes too" }]
      : [],
  );
  return [...unknownIn("add"), ...unknownIn("remove"), ...contradictions];
}

function misplacedFields(policy: configV1.Policy, prefix: string): Violation[] {
  const endpointOnly: readonly (readonly [string, unknown])[] = [
    ["timeouts.deadline_ms", policy.timeouts?.deadlineMs],
    ["max_total_attempts", policy.maxTotalAttempts],
    // An enum without presence: 0 is unset.
    ["stream_mode", policy.streamMode === 0 ? undefined : policy.streamMode],
    ["hedge_after_ms", policy.hedgeAfterMs],
    ["max_queue_wait_ms", policy.maxQueueWaitMs],
    ["redraw", policy.redraw],
    ["fallback_on", policy.fallbackOn],
    ["retry_on", policy.retryOn],
    ["echo_endpoint_name", policy.echoEndpointName],
  ];
  return endpointOnly.flatMap(([path, value]) =>
    value === undefined
      ? []
      : [{ field: `${prefix}.${path}`, description: "concerns the whole request; set it on the endpoint" }],
  );
}
