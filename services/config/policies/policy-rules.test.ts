import { describe, expect, test } from "vitest";
import { configV1, errorsV1 } from "#contracts";
import { messageOf, type PartsOf } from "../../../test/harness/test-config-service.ts";
import { policyViolations, probeViolations } from "./policy-rules.ts";

type PolicyParts = PartsOf<configV1.Policy>;

const policyOf = (parts: PolicyParts) => messageOf(configV1.Policy, parts);
const endpointRefusals = (parts: PolicyParts) =>
  policyViolations(policyOf(parts), "p", "endpoint").map(({ field }) => field);

const { CALLER_CONTENT_POLICY, PROVIDER_OVERLOADED } = errorsV1.FailureClass;
// Decoders hand on a number that they do not know.
const unknownEnum = 77 as never;

test("accepts the policy of the file format's example on an endpoint", () => {
  const example: PolicyParts = {
    timeouts: { connectMs: 2000, firstTokenMs: 10000, firstByteMs: 60000, idleMs: 1, attemptMs: 1, deadlineMs: 120000 },
    retries: { max: 2, initialBackoffMs: 200, maxBackoffMs: 5000 },
    maxTotalAttempts: 6,
    breaker: { failureRatio: 1, minRequests: 5, windowMs: 10000, openForMs: 5000, halfOpenProbes: 1 },
    streamMode: configV1.StreamMode.INTERACTIVE,
    hedgeAfterMs: 800,
    maxConcurrency: 50,
    maxQueueWaitMs: 0,
    redraw: false,
    fallbackOn: { add: [CALLER_CONTENT_POLICY], remove: [PROVIDER_OVERLOADED] },
    retryOn: { add: [], remove: [] },
  };
  expect(endpointRefusals(example)).toEqual([]);
});

describe("refuses on an endpoint", () => {
  const cases: readonly (readonly [string, PolicyParts, string[]])[] = [
    ["a timeout of 0", { timeouts: { idleMs: 0 } }, ["p.timeouts.idle_ms"]],
    ["a timeout that no timer can wait", { timeouts: { deadlineMs: 2 ** 31 } }, ["p.timeouts.deadline_ms"]],
    ["retries without bound", { retries: { max: 101 } }, ["p.retries.max"]],
    ["no attempt at all", { maxTotalAttempts: 0 }, ["p.max_total_attempts"]],
    ["a ratio of 0", { breaker: { failureRatio: 0 } }, ["p.breaker.failure_ratio"]],
    ["a ratio above 1", { breaker: { failureRatio: 1.5 } }, ["p.breaker.failure_ratio"]],
    ["a ratio that is no number", { breaker: { failureRatio: Number.NaN } }, ["p.breaker.failure_ratio"]],
    ["a breaker without probes", { breaker: { halfOpenProbes: 0 } }, ["p.breaker.half_open_probes"]],
    ["a hedge at once", { hedgeAfterMs: 0 }, ["p.hedge_after_ms"]],
    ["no concurrency", { maxConcurrency: 0 }, ["p.max_concurrency"]],
    ["streams that continue", { streamMode: configV1.StreamMode.CONTINUE }, ["p.stream_mode"]],
    ["an unknown stream mode", { streamMode: unknownEnum }, ["p.stream_mode"]],
    [
      "an unknown class",
      { retryOn: { add: [unknownEnum], remove: [0] } },
      ["p.retry_on.add[0]", "p.retry_on.remove[0]"],
    ],
    [
      "a class on both sides",
      { fallbackOn: { add: [PROVIDER_OVERLOADED], remove: [PROVIDER_OVERLOADED] } },
      ["p.fallback_on.add[0]"],
    ],
  ];
  test.each(cases)("%s", (_, parts, fields) => {
    expect(endpointRefusals(parts)).toEqual(fields);
  });
});

test("refuses on a target every field that concerns the whole request", () => {
  const everything: PolicyParts = {
    timeouts: { attemptMs: 5, deadlineMs: 5 },
    retries: { max: 1 },
    breaker: { minRequests: 1 },
    maxConcurrency: 1,
    maxTotalAttempts: 1,
    streamMode: configV1.StreamMode.COMPLETE,
    hedgeAfterMs: 1,
    maxQueueWaitMs: 1,
    redraw: false,
    fallbackOn: {},
    retryOn: {},
    echoEndpointName: false,
  };
  expect(policyViolations(policyOf(everything), "p", "target").map(({ field }) => field)).toEqual([
    "p.timeouts.deadline_ms",
    "p.max_total_attempts",
    "p.stream_mode",
    "p.hedge_after_ms",
    "p.max_queue_wait_ms",
    "p.redraw",
    "p.fallback_on",
    "p.retry_on",
    "p.echo_endpoint_name",
  ]);
});

test("refuses a probe without a path or too often", () => {
  const refusals = (path: string, intervalMs: number) =>
    probeViolations({ path, intervalMs }, "p").map(({ field }) => field);
  expect(refusals("/health", 100)).toEqual([]);
  expect(refusals("", 99)).toEqual(["p.path", "p.interval_ms"]);
  expect(refusals("http://elsewhere/", 100)).toEqual(["p.path"]);
});
