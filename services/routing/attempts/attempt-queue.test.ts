import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorsV1, inferenceV1 } from "#contracts";
import type { Chain, ChainLink } from "../chain/chain.ts";
import { resolveChain } from "../chain/resolve-chain.ts";
import { defaultFailurePolicy } from "../policy/failure-policy.ts";
import { compileEndpoint } from "../snapshot/compile-endpoint.ts";
import { toEndpoint } from "../testing/config-messages.ts";
import { createTestCompileHost } from "../testing/test-compile-host.ts";
import { type AttemptLimits, AttemptQueue } from "./attempt-queue.ts";
import type { PlannedCall } from "./planned-call.ts";

const { FailureClass } = errorsV1;
const { AttemptDecision } = inferenceV1;

function chainOf(count: number, retries = { max: 1, initialBackoffMs: 100, maxBackoffMs: 1_000 }): Chain {
  const targets = Array.from({ length: count }, (_, index) =>
    index === 0 ? { model: "t0" } : { model: `t${index}`, fallback: index },
  );
  const endpoint = compileEndpoint(toEndpoint({ targets, policy: { retries } }), createTestCompileHost());
  return resolveChain(endpoint, { draw: 0, nowMs: 0, expressions: undefined });
}

const limits: AttemptLimits = {
  maxTotalAttempts: 100,
  deadlineAtMs: Number.POSITIVE_INFINITY,
  failures: defaultFailurePolicy,
  random: () => 1 - Number.EPSILON,
};
const fails = (failureClass: errorsV1.FailureClass, retryAfterMs?: number) => ({
  failureClass,
  status: 0,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const firstOf = (queue: AttemptQueue) => queue.first() as PlannedCall;

describe("a wait before a retry", () => {
  it("doubles with each retry, is cut at max_backoff, and jitters over all of it", () => {
    const waits = (random: number) => {
      const queue = new AttemptQueue(chainOf(1, { max: 6, initialBackoffMs: 100, maxBackoffMs: 1_000 }), {
        ...limits,
        random: () => random,
      });
      const seen: number[] = [];
      for (let next: PlannedCall | undefined = firstOf(queue); next !== undefined; ) {
        next = queue.afterFailure(next, fails(FailureClass.PROVIDER_ERROR), 0).next;
        if (next !== undefined) {
          seen.push(next.waitMs);
        }
      }
      return seen;
    };
    expect(waits(1)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect(waits(0.5)).toEqual([50, 100, 200, 400, 500, 500]);
    expect(waits(0)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("that would end after the deadline is not made", () => {
    const queue = new AttemptQueue(chainOf(1), { ...limits, deadlineAtMs: 90 });
    expect(queue.afterFailure(firstOf(queue), fails(FailureClass.PROVIDER_ERROR), 0)).toEqual({
      decision: AttemptDecision.EXHAUSTED,
      next: undefined,
    });
  });
});

describe("targets that ask for time", () => {
  it("are come back to in the order in which they are ready, after what is left of their time", () => {
    const queue = new AttemptQueue(chainOf(2), limits);
    const first = firstOf(queue);
    const second = queue.afterFailure(first, fails(FailureClass.PROVIDER_RATE_LIMITED, 900), 0).next as PlannedCall;
    expect(second).toMatchObject({ waitMs: 0, link: { target: { name: "t1" } } });
    const third = queue.afterFailure(second, fails(FailureClass.PROVIDER_RATE_LIMITED, 300), 100);
    expect(third).toMatchObject({
      decision: AttemptDecision.RETRY,
      next: { waitMs: 300, link: { target: { name: "t1" } } },
    });
    const fourth = queue.afterFailure(third.next as PlannedCall, fails(FailureClass.PROVIDER_RATE_LIMITED, 300), 500);
    expect(fourth).toMatchObject({
      decision: AttemptDecision.NEXT,
      next: { waitMs: 400, link: { target: { name: "t0" } } },
    });
    expect(queue.afterFailure(fourth.next as PlannedCall, fails(FailureClass.PROVIDER_RATE_LIMITED, 300), 950)).toEqual(
      {
        decision: AttemptDecision.EXHAUSTED,
        next: undefined,
      },
    );
  });

  it("wait as long as our own backoff when they do not say how long", () => {
    const queue = new AttemptQueue(chainOf(1), { ...limits, random: () => 0.5 });
    expect(queue.afterFailure(firstOf(queue), fails(FailureClass.PROVIDER_RATE_LIMITED), 0)).toMatchObject({
      decision: AttemptDecision.RETRY,
      next: { waitMs: 50 },
    });
  });
});

const classes = Object.values(FailureClass).filter((value) => value > 0);
const failures = fc.record({
  failureClass: fc.constantFrom(...classes),
  retryAfterMs: fc.option(fc.nat({ max: 3_000 }), { nil: undefined }),
});

interface Outcome {
  readonly failureClass: errorsV1.FailureClass;
  readonly retryAfterMs: number | undefined;
}

/** Fails every call in these ways, one after another, and waits whenever the queue says so. */
function play(queue: AttemptQueue, of: { readonly deadlineAtMs: number; readonly outcomes: readonly Outcome[] }) {
  const tries: PlannedCall[] = [];
  let nowMs = 0;
  let lastDecision: number = AttemptDecision.UNSPECIFIED;
  for (let next = queue.first(); next !== undefined; ) {
    nowMs += next.waitMs;
    expect(nowMs).toBeLessThan(of.deadlineAtMs);
    const { failureClass, retryAfterMs } = of.outcomes[tries.length] as Outcome;
    tries.push(next);
    const step = queue.afterFailure(next, fails(failureClass, retryAfterMs), nowMs);
    const goesOn = step.next?.link === next.link ? AttemptDecision.RETRY : AttemptDecision.NEXT;
    expect(step.next === undefined || step.decision === goesOn).toBe(true);
    lastDecision = step.decision;
    next = step.next;
  }
  return { tries, lastDecision };
}

describe("any run of failures", () => {
  it("ends within the budget, tries each target at most 1 + max times, and never waits past the deadline", () => {
    fc.assert(
      fc.property(
        fc.record({
          targets: fc.integer({ min: 1, max: 5 }),
          maxRetries: fc.nat({ max: 4 }),
          maxTotalAttempts: fc.integer({ min: 1, max: 12 }),
          deadlineAtMs: fc.integer({ min: 1, max: 20_000 }),
          outcomes: fc.array(failures, { minLength: 13, maxLength: 13 }),
        }),
        ({ targets, maxRetries, maxTotalAttempts, deadlineAtMs, outcomes }) => {
          const chain = chainOf(targets, { max: maxRetries, initialBackoffMs: 100, maxBackoffMs: 1_000 });
          const queue = new AttemptQueue(chain, { ...limits, maxTotalAttempts, deadlineAtMs });
          const { tries, lastDecision } = play(queue, { deadlineAtMs, outcomes });
          expect(tries.length).toBeLessThanOrEqual(maxTotalAttempts);
          for (const link of chain.links) {
            const ofTarget = tries.filter((one) => one.link === link);
            expect(ofTarget.length).toBeLessThanOrEqual(1 + maxRetries);
            expect(ofTarget.map(({ triesBefore }) => triesBefore)).toEqual(ofTarget.map((_, index) => index));
          }
          expect([AttemptDecision.STOP, AttemptDecision.EXHAUSTED]).toContain(lastDecision);
        },
      ),
    );
  });

  it("leaves a call for every target not tried yet, while the budget is large enough for all", () => {
    const goesOn = classes.filter((failureClass) => defaultFailurePolicy[failureClass].next === "yes");
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.constantFrom(...goesOn), { minLength: 12, maxLength: 12 }),
        (targets, outcomes) => {
          const chain = chainOf(targets, { max: 9, initialBackoffMs: 1, maxBackoffMs: 10 });
          const queue = new AttemptQueue(chain, { ...limits, maxTotalAttempts: targets });
          const tried: ChainLink[] = [];
          for (let next = queue.first(); next !== undefined; ) {
            tried.push(next.link);
            const failureClass = outcomes[tried.length - 1] ?? FailureClass.PROVIDER_ERROR;
            next = queue.afterFailure(next, fails(failureClass), 0).next;
          }
          expect(tried).toEqual(chain.links);
        },
      ),
    );
  });
});
