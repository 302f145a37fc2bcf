import type { configV1 } from "#contracts";
import type { BreakerPolicy } from "../health/target-breaker.ts";
import { defaultPolicy } from "./default-policy.ts";
import { type FailurePolicy, resolveFailurePolicy } from "./failure-policy.ts";

/** How attempts on one target are made: every level merged, nothing left open. Times are in milliseconds. */
export interface TargetPolicy {
  readonly connectMs: number;
  readonly firstTokenMs: number;
  /** Undefined: `attemptMs` alone bounds a unary answer. */
  readonly firstByteMs: number | undefined;
  readonly idleMs: number;
  readonly attemptMs: number;
  readonly maxRetries: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly breaker: BreakerPolicy;
}

/** How a request to one endpoint is run. */
export interface EndpointPolicy {
  readonly deadlineMs: number;
  readonly maxTotalAttempts: number;
  readonly streamMode: configV1.StreamMode;
  readonly redraw: boolean;
  /** Undefined: attempts are not hedged. */
  readonly hedgeAfterMs: number | undefined;
  /** For how long an attempt may wait for a place. */
  readonly maxQueueWaitMs: number;
  /** Whether the answer's `model` is the endpoint's name. */
  readonly echoEndpointName: boolean;
  readonly failures: FailurePolicy;
}

/** The policies that speak about one target, nearest first: of the mapping, the model definition and the endpoint. */
type Levels = readonly (configV1.Policy | undefined)[];

/** Merges field by field; the nearest level that sets a field wins, then the default. */
export function resolveTargetPolicy(levels: Levels): TargetPolicy {
  const { timeouts, retries } = defaultPolicy;
  return {
    connectMs: nearestTimeout(levels, "connectMs") ?? timeouts.connectMs,
    firstTokenMs: nearestTimeout(levels, "firstTokenMs") ?? timeouts.firstTokenMs,
    firstByteMs: nearestTimeout(levels, "firstByteMs"),
    idleMs: nearestTimeout(levels, "idleMs") ?? timeouts.idleMs,
    attemptMs: nearestTimeout(levels, "attemptMs") ?? timeouts.attemptMs,
    maxRetries: nearestRetries(levels, "max") ?? retries.max,
    initialBackoffMs: nearestRetries(levels, "initialBackoffMs") ?? retries.initialBackoffMs,
    maxBackoffMs: nearestRetries(levels, "maxBackoffMs") ?? retries.maxBackoffMs,
    breaker: resolveBreaker(levels),
  };
}

/** What the endpoint alone decides. */
export function resolveEndpointPolicy(policy: configV1.Policy | undefined): EndpointPolicy {
  return {
    deadlineMs: policy?.timeouts?.deadlineMs ?? defaultPolicy.timeouts.deadlineMs,
    maxTotalAttempts: policy?.maxTotalAttempts ?? defaultPolicy.maxTotalAttempts,
    streamMode: policy?.streamMode || defaultPolicy.streamMode,
    redraw: policy?.redraw ?? defaultPolicy.redraw,
    hedgeAfterMs: policy?.hedgeAfterMs,
    maxQueueWaitMs: policy?.maxQueueWaitMs ?? defaultPolicy.maxQueueWaitMs,
    echoEndpointName: policy?.echoEndpointName ?? defaultPolicy.echoEndpointName,
    failures: resolveFailurePolicy(policy),
  };
}

function resolveBreaker(levels: Levels): BreakerPolicy {
  const { breaker } = defaultPolicy;
  return {
    failureRatio: nearestBreaker(levels, "failureRatio") ?? breaker.failureRatio,
    minRequests: nearestBreaker(levels, "minRequests") ?? breaker.minRequests,
    windowMs: nearestBreaker(levels, "windowMs") ?? breaker.windowMs,
    openForMs: nearestBreaker(levels, "openForMs") ?? breaker.openForMs,
    halfOpenProbes: nearestBreaker(levels, "halfOpenProbes") ?? breaker.halfOpenProbes,
  };
}

function nearestBreaker(levels: Levels, field: keyof configV1.Breaker): number | undefined {
  return levels.find((level) => level?.breaker?.[field] !== undefined)?.breaker?.[field];
}

function nearestTimeout(levels: Levels, field: keyof configV1.Timeouts): number | undefined {
  return levels.find((level) => level?.timeouts?.[field] !== undefined)?.timeouts?.[field];
}

function nearestRetries(levels: Levels, field: keyof configV1.Retries): number | undefined {
  return levels.find((level) => level?.retries?.[field] !== undefined)?.retries?.[field];
}
