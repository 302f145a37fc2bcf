import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorsV1, inferenceV1 } from "#contracts";
import type { Chain } from "../chain/chain.ts";
import { resolveChain } from "../chain/resolve-chain.ts";
import { defaultFailurePolicy } from "../policy/failure-policy.ts";
import { compileEndpoint } from "../snapshot/compile-endpoint.ts";
import { type MappingSketch, toEndpoint } from "../testing/config-messages.ts";
import { createTestCompileHost } from "../testing/test-compile-host.ts";
import { AttemptQueue } from "./attempt-queue.ts";
import type { PlannedCall } from "./planned-call.ts";

const { FailureClass } = errorsV1;
const { AttemptDecision } = inferenceV1;

function chainOf(...targets: readonly MappingSketch[]): Chain {
  const retries = { max: 1, initialBackoffMs: 10, maxBackoffMs: 1_000 };
  const endpoint = compileEndpoint(toEndpoint({ targets, policy: { retries } }), createTestCompileHost());
  return resolveChain(endpoint, { draw: 0, nowMs: 0, expressions: undefined });
}

const many = (count: number) =>
  chainOf(
    { model: "t0" },
    ...Array.from({ length: count - 1 }, (_, index) => ({ model: `t${index + 1}`, fallback: index })),
  );

const queueOf = (chain: Chain, maxTotalAttempts = 100) =>
  new AttemptQueue(chain, {
    maxTotalAttempts,
    deadlineAtMs: Number.POSITIVE_INFINITY,
    failures: defaultFailurePolicy,
    random: () => 0.5,
  });
const rateLimited = { failureClass: FailureClass.PROVIDER_RATE_LIMITED, status: 429, retryAfterMs: 100 };
const tooLong = { failureClass: FailureClass.CALLER_CONTEXT_LENGTH_EXCEEDED, status: 400 };
const notFound = { failureClass: FailureClass.PROVIDER_MODEL_NOT_FOUND, status: 404 };
const none = { decision: AttemptDecision.NEXT, next: undefined };

describe("a queue with two calls under way", () => {
  it("comes back to a target that asked for time only when the other call has failed too", () => {
    const queue = queueOf(many(2));
    const first = queue.first() as PlannedCall;
    const hedge = queue.hedge(0) as PlannedCall;
    expect(queue.afterFailure(first, rateLimited, 0)).toEqual(none);
    expect(queue.afterFailure(hedge, notFound, 40)).toMatchObject({
      decision: AttemptDecision.NEXT,
      next: { link: first.link, waitMs: 60 },
    });
  });

  it("does not end for a prompt too long while the other call may have the larger window", () => {
    const queue = queueOf(
      chainOf({ model: "small", contextWindow: 10 }, { model: "large", contextWindow: 99, fallback: 1 }),
    );
    const first = queue.first() as PlannedCall;
    const hedge = queue.hedge(0) as PlannedCall;
    expect(queue.afterFailure(first, tooLong, 0)).toEqual(none);
    expect(queue.afterFailure(hedge, notFound, 0).decision).toBe(AttemptDecision.EXHAUSTED);
  });
});

it("a prompt too long for one target comes back to a larger one that asked for time, and to no smaller one", () => {
  const larger = chainOf({ model: "large", contextWindow: 99 }, { model: "small", contextWindow: 10, fallback: 1 });
  const queue = queueOf(larger);
  const second = queue.afterFailure(queue.first() as PlannedCall, rateLimited, 0).next as PlannedCall;
  expect(queue.afterFailure(second, tooLong, 0).next).toMatchObject({ link: larger.links[0], waitMs: 100 });

  const smaller = queueOf(
    chainOf({ model: "small", contextWindow: 10 }, { model: "large", contextWindow: 99, fallback: 1 }),
  );
  const other = smaller.afterFailure(smaller.first() as PlannedCall, rateLimited, 0).next as PlannedCall;
  expect(smaller.afterFailure(other, tooLong, 0)).toEqual({ decision: AttemptDecision.STOP, next: undefined });
});

it("a hedge passes over targets that are not healthy, and is none where all are so", () => {
  const chain = many(3);
  chain.links[1]?.target.health.cool(1_000, 0);
  const queue = queueOf(chain);
  queue.first();
  expect(queue.hedge(0)?.link).toBe(chain.links[2]);
  expect(queue.hedge(0)).toBeUndefined();
});

it("a prompt too long leaves its turn in max_attempts to a FALLBACK target with a larger window, and to no other", () => {
  const targets = [
    { model: "small", contextWindow: 10 },
    { model: "as small", contextWindow: 10, fallback: 1 },
    { model: "also small", contextWindow: 10, fallback: 2 },
    { model: "large", contextWindow: 99, fallback: 3 },
    { model: "larger", contextWindow: 999, fallback: 4 },
  ];
  const host = createTestCompileHost();
  const endpoint = compileEndpoint(toEndpoint({ targets, maxAttempts: 1 }), host);
  const queue = queueOf(resolveChain(endpoint, { draw: 0, nowMs: 0, expressions: undefined }));
  const second = queue.afterFailure(queue.first() as PlannedCall, tooLong, 0).next;
  expect(second?.link.target.name).toBe("large");
  const third = queue.afterFailure(second as PlannedCall, notFound, 0);
  expect(third).toEqual({ decision: AttemptDecision.EXHAUSTED, next: undefined });
});

it("a target that was drained meanwhile is called when no other is left", () => {
  const chain = many(3);
  const queue = queueOf(chain);
  const first = queue.first() as PlannedCall;
  chain.links[1]?.target.health.setDrained(true);
  chain.links[2]?.target.health.reportProbe(false);
  const second = queue.afterFailure(first, notFound, 0).next as PlannedCall;
  expect(second.link).toBe(chain.links[2]);
  expect(queue.afterFailure(second, notFound, 0).next?.link).toBe(chain.links[1]);
});

const event = fc.record({
  lane: fc.nat({ max: 1 }),
  kind: fc.constantFrom("fails", "fails", "fails", "is saturated", "leaves", "hedge" as const),
  failure: fc.constantFrom(rateLimited, notFound, tooLong, { failureClass: FailureClass.PROVIDER_ERROR, status: 500 }),
});

type QueueEvent = typeof event extends fc.Arbitrary<infer One> ? One : never;

/** Up to two calls under way, and the number of those that were made. */
class Lanes {
  readonly underWay: PlannedCall[] = [];
  calls = 0;
  readonly #queue: AttemptQueue;

  constructor(queue: AttemptQueue) {
    this.#queue = queue;
    this.#take(queue.first());
  }

  /** Lets something happen to one of the calls; the decision that follows a call's end. */
  play({ lane, kind, failure }: QueueEvent, nowMs: number): inferenceV1.AttemptDecision | undefined {
    const call = this.underWay[lane % this.underWay.length] as PlannedCall;
    if (kind === "hedge") {
      if (this.underWay.length === 1) {
        this.#take(this.#queue.hedge(nowMs));
      }
      return undefined;
    }
    this.underWay.splice(this.underWay.indexOf(call), 1);
    const { decision, next } =
      kind === "fails" ? this.#queue.afterFailure(call, failure, nowMs) : this.#skip(call, { kind, nowMs });
    this.#take(next);
    return decision;
  }

  #skip(call: PlannedCall, { kind, nowMs }: { readonly kind: string; readonly nowMs: number }) {
    this.calls -= 1;
    return kind === "leaves" && this.#queue.hasHealthy(nowMs)
      ? this.#queue.afterLeft(call, nowMs)
      : this.#queue.afterSaturated(call, nowMs);
  }

  #take(next: PlannedCall | undefined): void {
    if (next !== undefined) {
      this.underWay.push(next);
      this.calls += 1;
    }
  }
}

describe("any order of failures, full targets and hedges", () => {
  it("keeps the budget, calls no target twice at once, and ends only when nothing is under way or a fault is final", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(event, { minLength: 40, maxLength: 40 }),
        (targets, maxTotalAttempts, events) => {
          const lanes = new Lanes(queueOf(many(targets), maxTotalAttempts));
          let decision: inferenceV1.AttemptDecision | undefined;
          for (const [index, one] of events.entries()) {
            if (lanes.underWay.length === 0 || decision === AttemptDecision.STOP) {
              break;
            }
            decision = lanes.play(one, index * 10);
            expect(new Set(lanes.underWay.map(({ link }) => link)).size).toBe(lanes.underWay.length);
            expect(lanes.calls).toBeLessThanOrEqual(maxTotalAttempts);
            expect(decision === AttemptDecision.EXHAUSTED && lanes.underWay.length > 0).toBe(false);
          }
          const isOver = decision === AttemptDecision.EXHAUSTED || decision === AttemptDecision.STOP;
          expect(isOver || lanes.underWay.length > 0).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});
