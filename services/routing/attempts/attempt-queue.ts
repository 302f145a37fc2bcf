import { inferenceV1 } from "#contracts";
import type { ProviderFailure } from "#providers";
import type { ChainLink } from "../chain/resolve-chain.ts";
import type { FailurePolicy, FailureRule } from "../policy/failure-policy.ts";
import type { Target } from "../snapshot/snapshot.ts";

const { AttemptDecision } = inferenceV1;

/** A call that may be made now, or after a wait. */
export interface Try {
  readonly link: ChainLink;
  /** Calls that were made to this target before. */
  readonly triesBefore: number;
  /** Retries after a lost connection among them. */
  readonly reconnects: number;
  /** Milliseconds to wait before it is made. */
  readonly waitMs: number;
}

/** What to do after a failed call. Without `next` the request is over, but for calls that are still under way. */
export interface NextStep {
  readonly decision: inferenceV1.AttemptDecision;
  readonly next: Try | undefined;
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
  readonly attempt: Try;
  readonly readyAtMs: number;
}

/**
 * What may still be tried in one request: targets not called yet in their order, and targets that asked for time, which
 * are come back to only when nothing else is left. It holds the one budget of calls. Pure but for its own state.
 */
export class AttemptQueue {
  readonly #limits: AttemptLimits;
  readonly #untried: ChainLink[];
  #parked: Parked[] = [];
  #callsMade = 0;
  // Calls that were given out and have not failed yet: two while an attempt is hedged.
  #inFlight = 0;

  constructor(links: readonly ChainLink[], limits: AttemptLimits) {
    this.#untried = links.slice();
    this.#limits = limits;
  }

  /** The first call of the request; undefined when the chain is empty. */
  first(): Try | undefined {
    return this.#takeUntried(0);
  }

  /** The call beside the first one; undefined when no other target is left that is healthy, or the budget is used up. */
  hedge(nowMs: number): Try | undefined {
    const index = this.#untried.findIndex((link) => isAvailable(link, nowMs));
    return index < 0 ? undefined : this.#takeUntried(index);
  }

  /** Decides what follows a call that could not be made because its target had no place; the call is not counted. */
  afterSaturated(saturated: Try, nowMs: number): NextStep {
    this.#callsMade -= 1;
    this.#inFlight -= 1;
    const untried = this.#takeNext(nowMs);
    return untried === undefined ? this.#comeBack(saturated, nowMs) : { decision: AttemptDecision.NEXT, next: untried };
  }

  /** Decides what follows a failed call. A call that it returns counts as made. */
  afterFailure(failed: Try, failure: ProviderFailure, nowMs: number): NextStep {
    const rule = this.#limits.failures[failure.failureClass];
    this.#inFlight -= 1;
    const retry = this.#retry(failed, failure, nowMs);
    if (retry !== undefined) {
      return { decision: AttemptDecision.RETRY, next: retry };
    }
    if (rule.next === "no") {
      const comeback = this.#parked.some(({ attempt }) => attempt.link === failed.link);
      return comeback ? this.#comeBack(failed, nowMs) : { decision: AttemptDecision.STOP, next: undefined };
    }
    if (rule.next === "larger-window") {
      this.#dropSmallerWindows(failed.link.target);
      if (this.#untried.length + this.#parked.length + this.#inFlight === 0) {
        return { decision: AttemptDecision.STOP, next: undefined };
      }
    }
    const untried = this.#takeNext(nowMs);
    return untried === undefined ? this.#comeBack(failed, nowMs) : { decision: AttemptDecision.NEXT, next: untried };
  }

  /** The next target in order. Health may have changed since the chain was resolved: whoever is healthy now goes first. */
  #takeNext(nowMs: number): Try | undefined {
    return this.#takeUntried(
      Math.max(
        0,
        this.#untried.findIndex((link) => isAvailable(link, nowMs)),
      ),
    );
  }

  #takeUntried(index: number): Try | undefined {
    const link = this.#untried[index];
    if (link === undefined || this.#callsMade >= this.#limits.maxTotalAttempts) {
      return undefined;
    }
    this.#untried.splice(index, 1);
    return this.#count({ link, triesBefore: 0, reconnects: 0, waitMs: 0 });
  }

  #count(call: Try): Try {
    this.#callsMade += 1;
    this.#inFlight += 1;
    return call;
  }

  /** The same target again, now; a target that asks for time is parked instead. */
  #retry(failed: Try, failure: ProviderFailure, nowMs: number): Try | undefined {
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
    const again: Try = { link: failed.link, triesBefore: failed.triesBefore + 1, reconnects, waitMs };
    if (rule.retry === "last" || asksForTime(failure)) {
      this.#parked.push({ attempt: again, readyAtMs: nowMs + waitMs });
      return undefined;
    }
    // A retry must not use up the call that a target not tried yet would need.
    if (this.#callsMade + 1 + this.#untried.length > this.#limits.maxTotalAttempts) {
      return undefined;
    }
    return this.#count(again);
  }

  #waitBefore(failed: Try, failure: ProviderFailure, rule: FailureRule): number {
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
  #comeBack(failed: Try, nowMs: number): NextStep {
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
    const isSameTarget = soonest.attempt.link === failed.link;
    return {
      decision: isSameTarget ? AttemptDecision.RETRY : AttemptDecision.NEXT,
      next: this.#count({ ...soonest.attempt, waitMs: Math.max(0, soonest.readyAtMs - nowMs) }),
    };
  }

  /** A prompt that was too long for one window fits only one that is declared larger. */
  #dropSmallerWindows(tooSmall: Target): void {
    const tooSmallTokens = tooSmall.contextWindow ?? Number.POSITIVE_INFINITY;
    const isLarger = ({ target }: ChainLink) => (target.contextWindow ?? 0) > tooSmallTokens;
    this.#untried.splice(0, this.#untried.length, ...this.#untried.filter(isLarger));
    this.#parked = this.#parked.filter(({ attempt }) => isLarger(attempt.link));
  }
}

function isAvailable({ target }: ChainLink, nowMs: number): boolean {
  return target.health.availability(target.breaker, nowMs) === "available";
}

/** Whether the provider itself asks to be left alone for a while. */
function asksForTime(failure: ProviderFailure): boolean {
  return (failure.retryAfterMs ?? 0) > 0;
}
