import { hash } from "node:crypto";
import {
  type BreakerPermit,
  type BreakerPolicy,
  type BreakerState,
  type HealthOutcome,
  TargetBreaker,
} from "./target-breaker.ts";

/** What identifies a target for its health; endpoints that call the same one share what is known of it. */
export interface TargetIdentity {
  readonly providerId: string;
  readonly baseUrl: string | undefined;
  readonly model: string;
  readonly secretId: string | undefined;
}

/** Why a target is put behind the others at a time; `available` when it is not. */
export type Availability = "available" | "cooling" | "breaker open" | "probing" | "probe failed" | "drained";

/** Something that changed about a target, for metrics, spans and logs. */
export interface HealthChange {
  readonly health: TargetHealth;
  readonly from: string;
  readonly to: string;
}

/** Takes every change of every target's health. */
export type HealthListener = (change: HealthChange) => void;

/**
 * What is known of one target: breakers (one for each set of settings that calls it), how long it is to be left alone, and
 * whether it was drained by hand. Its memory is constant. Times are monotonic milliseconds.
 */
export class TargetHealth {
  readonly identity: TargetIdentity;
  /** `t-` and a hash of the identity: the same in every process and through restarts. */
  readonly id: string;
  readonly #listener: HealthListener;
  readonly #breakers = new Map<string, TargetBreaker>();
  #coolUntilMs = Number.NEGATIVE_INFINITY;
  #isDrained = false;
  #isProbeFailing = false;

  constructor(identity: TargetIdentity, listener: HealthListener) {
    this.identity = identity;
    this.id = `t-${hash("sha256", identityKey(identity)).slice(0, 16)}`;
    this.#listener = listener;
  }

  /** The breaker with these settings; made at the first call. */
  breaker(policy: BreakerPolicy): TargetBreaker {
    const key = breakerKey(policy);
    let breaker = this.#breakers.get(key);
    if (breaker === undefined) {
      breaker = new TargetBreaker(policy, (from, to) => this.#changed(`breaker ${from}`, `breaker ${to}`));
      this.#breakers.set(key, breaker);
    }
    return breaker;
  }

  /** Drops breakers with settings that nothing uses any more. */
  keepBreakers(policies: Iterable<BreakerPolicy>): void {
    const kept = new Set(Array.from(policies, breakerKey));
    for (const key of this.#breakers.keys()) {
      if (!kept.has(key)) {
        this.#breakers.delete(key);
      }
    }
  }

  availability(breaker: TargetBreaker, nowMs: number): Availability {
    if (this.#isDrained) {
      return "drained";
    }
    if (this.#isProbeFailing) {
      return "probe failed";
    }
    if (nowMs < this.#coolUntilMs) {
      return "cooling";
    }
    if (breaker.acceptsCalls(nowMs)) {
      return "available";
    }
    return breaker.state(nowMs) === "open" ? "breaker open" : "probing";
  }

  /**
   * How bad it would be to call a target that is not available, to compare: the milliseconds until it is again, as far as
   * that is known. One whose health check fails may stay away for ever.
   */
  restMs(breaker: TargetBreaker, nowMs: number): number {
    if (this.#isProbeFailing) {
      return Number.MAX_VALUE;
    }
    return Math.max(this.coolingMs(nowMs), breaker.openMs(nowMs));
  }

  /** The worst state of its breakers. */
  breakerState(nowMs: number): BreakerState {
    const states = Array.from(this.#breakers.values(), (breaker) => breaker.state(nowMs));
    return states.find((state) => state === "open") ?? states.find((state) => state === "half-open") ?? "closed";
  }

  /** Milliseconds for which the target is still to be left alone; 0 when it is not. */
  coolingMs(nowMs: number): number {
    return Math.max(0, this.#coolUntilMs - nowMs);
  }

  /** Leaves the target alone until then, unless it is to be left alone for longer already. */
  cool(untilMs: number, nowMs: number): void {
    if (untilMs <= this.#coolUntilMs || untilMs <= nowMs) {
      return;
    }
    const wasCooling = nowMs < this.#coolUntilMs;
    this.#coolUntilMs = untilMs;
    if (!wasCooling) {
      this.#changed("not cooling", "cooling");
    }
  }

  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** Drains the target, or takes it back into service with nothing held against it. */
  setDrained(isDrained: boolean): void {
    if (!isDrained) {
      this.#forgive();
    }
    if (this.#isDrained === isDrained) {
      return;
    }
    this.#isDrained = isDrained;
    this.#changed(isDrained ? "enabled" : "drained", isDrained ? "drained" : "enabled");
  }

  get isProbeFailing(): boolean {
    return this.#isProbeFailing;
  }

  /** Takes the outcome of an active health check. */
  reportProbe(isHealthy: boolean): void {
    if (this.#isProbeFailing === !isHealthy) {
      return;
    }
    this.#isProbeFailing = !isHealthy;
    this.#changed(isHealthy ? "probe failing" : "probe passing", isHealthy ? "probe passing" : "probe failing");
  }

  #forgive(): void {
    this.#coolUntilMs = Number.NEGATIVE_INFINITY;
    for (const breaker of this.#breakers.values()) {
      breaker.reset();
    }
  }

  #changed(from: string, to: string): void {
    this.#listener({ health: this, from, to });
  }
}

/** Text that is equal for equal identities alone. */
export function identityKey({ providerId, baseUrl, model, secretId }: TargetIdentity): string {
  return JSON.stringify([providerId, baseUrl ?? "", model, secretId ?? ""]);
}

function breakerKey(policy: BreakerPolicy): string {
  const { failureRatio, minRequests, windowMs, openForMs, halfOpenProbes } = policy;
  return `${failureRatio} ${minRequests} ${windowMs} ${openForMs} ${halfOpenProbes}`;
}

/** A call that the health of its target knows of; to be reported exactly once. */
export class HealthPermit {
  readonly #breaker: TargetBreaker;
  readonly #permit: BreakerPermit;
  #isReported = false;

  constructor(breaker: TargetBreaker, nowMs: number) {
    this.#breaker = breaker;
    this.#permit = breaker.begin(nowMs);
  }

  /** Takes the outcome; a second one is ignored. */
  report(outcome: HealthOutcome, nowMs: number): void {
    if (this.#isReported) {
      return;
    }
    this.#isReported = true;
    this.#breaker.report(this.#permit, outcome, nowMs);
  }
}
