import { inferenceV1 } from "#contracts";
import type { ProviderFailure } from "#providers";
import type { Chain, ChainLink } from "../chain/chain.ts";
import type { FailurePolicy, FailureRule } from "../policy/failure-policy.ts";
import type { Target } from "../snapshot/snapshot.ts";
import type { PlannedCall } from "./planned-call.ts";

const { AttemptDecision } = inferenceV1;

/** What to do after a failed call. Without `next` the request is over, but for calls that are still under way. */
export interface NextStep {
  readonly decision: inferenceV1.AttemptDecision;
  readonly next: PlannedCall | undefined;
}

/** What bounds the calls of one request. */
export interface AttemptLimits {
  /** Most calls, retries and fallbacks together. */
  readonly maxTotalAttempts: number;
  /** Time at which the request's deadline passes, in milliseconds of the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly failures: FailurePolicy;
  /** A random number from 0 up to but not 1, for the jitter of waits. */
  readonly random: () => number;
}

interface Parked {
  readonly call: PlannedCall;
  readonly readyAtMs: number;
}

/**
 * What may still be tried in one request: targets not called yet in their order, and targets that asked for time, which
 * are come back to only when nothing else is left. It holds the one budget of calls. Pure but for its own state.
 */
export class AttemptQueue {
  readonly #limits: AttemptLimits;
  readonly #untried: ChainLink[];
  #spare: readonly ChainLink[];
  #parked: Parked[] = [];
  #callsMade = 0;
  // Calls that were given out and have not failed yet: two while an attempt is hedged.
  #inFlight = 0;

  constructor({ links, spare }: Pick<Chain, "links" | "spare">, limits: AttemptLimits) {
    this.#untried = links.slice();
    this.#spare = spare;
    this.#limits = limits;
  }

  /** The first call of the request; undefined when the chain is empty. */
  first(): PlannedCall | undefined {
    return this.#takeUntried(0);
  }

  /** The call beside the first one; undefined when no other target is left that is healthy, or the budget is used up. */
  hedge(nowMs: number): PlannedCall | undefined {
    const index = this.#untried.findIndex((link) => isAvailable(link, nowMs));
    return index < 0 ? undefined : this.#takeUntried(index);
  }

  /** Whether a target that was not tried yet is healthy. */
  hasHealthy(nowMs: number): boolean {
    return this.#untried.some((link) => isAvailable(link, nowMs));
  }

  /**
   * Decides what follows a call that could not be made because its target had no place. It counts neither as a call nor, where
   * it was a FALLBACK target's, in `max_attempts`: one beyond that takes its turn.
   */
  afterSaturated(saturated: PlannedCall, nowMs: number): NextStep {
    this.#callsMade -= 1;
    this.#inFlight -= 1;
    if (saturated.link.isFallback && saturated.triesBefore === 0) {
      this.#takeSpare(1);
    }
    return this.#takeNextOrComeBack(saturated, nowMs);
  }

  /** Decides what follows a call that gave up the place that it had waited for. Its target stays: what is better may be full. */
  afterLeft(left: PlannedCall, nowMs: number): NextStep {
    this.#callsMade -= 1;
    this.#inFlight -= 1;
    const step = this.#takeNextOrComeBack(left, nowMs);
    if (left.triesBefore === 0) {
      this.#untried.push(left.link);
    }
    return step;
  }

  /** Decides what follows a failed call. A call that it returns counts as made. */
  afterFailure(failed: PlannedCall, failure: ProviderFailure, nowMs: number): NextStep {
    const rule = this.#limits.failures[failure.failureClass];
    this.#inFlight -= 1;
    const retry = this.#retry(failed, failure, nowMs);
    if (retry !== undefined) {
      return { decision: AttemptDecision.RETRY, next: retry };
    }
    if (rule.next === "no") {
      const comeback = this.#parked.some(({ call }) => call.link === failed.link);
      return comeback ? this.#comeBack(failed, nowMs) : { decision: AttemptDecision.STOP, next: undefined };
    }
    if (rule.next === "larger-window") {
      this.#dropSmallerWindows(failed.link.target);
      if (this.#untried.length + this.#parked.length + this.#inFlight === 0) {
        return { decision: AttemptDecision.STOP, next: undefined };
      }
    }
    return this.#takeNextOrComeBack(failed, nowMs);
  }

  #takeNextOrComeBack(last: PlannedCall, nowMs: number): NextStep {
    const untried = this.#takeNext(nowMs);
    return untried === undefined ? this.#comeBack(last, nowMs) : { decision: AttemptDecision.NEXT, next: untried };
  }

  /**
   * The next target in order. Health may have changed since the chain was resolved: whoever is healthy now goes first, and
   * where nobody is, whoever is to be left alone for the shortest time; one that was drained by hand comes last.
   */
  #takeNext(nowMs: number): PlannedCall | undefined {
    let best = 0;
    let bestRestMs = Number.POSITIVE_INFINITY;
    for (const [index, link] of this.#untried.entries()) {
      if (isAvailable(link, nowMs)) {
        return this.#takeUntried(index);
      }
      const restMs = toRestMs(link, nowMs);
      if (restMs < bestRestMs) {
        best = index;
        bestRestMs = restMs;
      }
    }
    return this.#takeUntried(best);
  }

  #takeUntried(index: number): PlannedCall | undefined {
    const link = this.#untried[index];
    if (link === undefined || this.#callsMade >= this.#limits.maxTotalAttempts) {
      return undefined;
    }
    this.#untried.splice(index, 1);
    return this.#count({ link, triesBefore: 0, reconnects: 0, waitMs: 0 });
  }

  #count(call: PlannedCall): PlannedCall {
    this.#callsMade += 1;
    this.#inFlight += 1;
    return call;
  }

  /** The same target again, now; a target that asks for time is parked instead. */
  #retry(failed: PlannedCall, failure: ProviderFailure, nowMs: number): PlannedCall | undefined {
    const rule = this.#limits.failures[failure.failureClass];
    const { policy } = failed.link.target;
    const reconnects = failed.reconnects + (rule.retry === "once" ? 1 : 0);
    if (rule.retry === "no" || failed.triesBefore >= policy.maxRetries || reconnects > 1) {
      return undefined;
    }
    // A target that has just counted as broken is left alone while there is another.
    const isBroken = failed.link.target.breaker.state(nowMs) === "open";
    if (isBroken && this.#untried.length + this.#parked.length > 0) {
      return undefined;
    }
    const waitMs = this.#waitBefore(failed, failure, rule);
    if (waitMs > policy.maxBackoffMs || nowMs + waitMs >= this.#limits.deadlineAtMs) {
      return undefined;
    }
    const again: PlannedCall = { link: failed.link, triesBefore: failed.triesBefore + 1, reconnects, waitMs };
    if (rule.retry === "last" || asksForTime(failure)) {
      this.#parked.push({ call: again, readyAtMs: nowMs + waitMs });
      return undefined;
    }
    // A retry must not use up the call that a target not tried yet would need.
    if (this.#callsMade + 1 + this.#untried.length > this.#limits.maxTotalAttempts) {
      return undefined;
    }
    return this.#count(again);
  }

  #waitBefore(failed: PlannedCall, failure: ProviderFailure, rule: FailureRule): number {
    if (asksForTime(failure)) {
      return failure.retryAfterMs ?? 0;
    }
    if (rule.retry === "once") {
      return 0;
    }
    const { initialBackoffMs, maxBackoffMs } = failed.link.target.policy;
    return this.#limits.random() * Math.min(maxBackoffMs, initialBackoffMs * 2 ** failed.triesBefore);
  }

  /** Comes back to the target that is ready first, if its time comes before the deadline and nobody else may serve still. */
  #comeBack(failed: PlannedCall, nowMs: number): NextStep {
    if (this.#inFlight > 0) {
      return { decision: AttemptDecision.NEXT, next: undefined };
    }
    let soonest: Parked | undefined;
    for (const parked of this.#parked) {
      if (soonest === undefined || parked.readyAtMs < soonest.readyAtMs) {
        soonest = parked;
      }
    }
    if (
      soonest === undefined ||
      this.#callsMade >= this.#limits.maxTotalAttempts ||
      Math.max(nowMs, soonest.readyAtMs) >= this.#limits.deadlineAtMs
    ) {
      return { decision: AttemptDecision.EXHAUSTED, next: undefined };
    }
    this.#parked.splice(this.#parked.indexOf(soonest), 1);
    const isSameTarget = soonest.call.link === failed.link;
    return {
      decision: isSameTarget ? AttemptDecision.RETRY : AttemptDecision.NEXT,
      next: this.#count({ ...soonest.call, waitMs: Math.max(0, soonest.readyAtMs - nowMs) }),
    };
  }

  /** A prompt that was too long for one window fits only one that is declared larger. */
  #dropSmallerWindows(tooSmall: Target): void {
    const tooSmallTokens = tooSmall.contextWindow ?? Number.POSITIVE_INFINITY;
    const isLarger = ({ target }: ChainLink) => (target.contextWindow ?? 0) > tooSmallTokens;
    const left = this.#untried.filter(isLarger);
    const placesLeft = this.#untried.filter((link) => link.isFallback && !isLarger(link)).length;
    this.#untried.splice(0, this.#untried.length, ...left);
    this.#parked = this.#parked.filter(({ call }) => isLarger(call.link));
    this.#spare = this.#spare.filter(isLarger);
    this.#takeSpare(placesLeft);
  }

  /** FALLBACK targets that cannot be called count not in `max_attempts`: as many beyond it take their turn. */
  #takeSpare(count: number): void {
    this.#untried.push(...this.#spare.slice(0, count));
    this.#spare = this.#spare.slice(count);
  }
}

function isAvailable({ target }: ChainLink, nowMs: number): boolean {
  return target.health.availability(target.breaker, nowMs) === "available";
}

function toRestMs({ target }: ChainLink, nowMs: number): number {
  return target.health.isDrained ? Number.POSITIVE_INFINITY : target.health.restMs(target.breaker, nowMs);
}

/** Whether the provider itself asks to be left alone for a while. */
function asksForTime(failure: ProviderFailure): boolean {
  return (failure.retryAfterMs ?? 0) > 0;
}
