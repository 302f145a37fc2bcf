import type { errorsV1 } from "#contracts";
import type { ProviderFailure } from "#providers";
import type { Clock } from "../clock.ts";
import { HealthPermit } from "../health/target-health.ts";
import { Entrance } from "../limits/entrance.ts";
import type { FailurePolicy } from "../policy/failure-policy.ts";
import { toHealthOnSpan } from "../telemetry/attempt-span.ts";
import type { Attempt } from "./attempt.ts";
import { toFailure } from "./attempt-record.ts";
import type { PlannedCall } from "./planned-call.ts";
import { reportOutcome } from "./report-outcome.ts";

/** What a lane needs of the request that it belongs to. */
export interface LaneHost<Served extends Attempt> {
  readonly clock: Clock;
  readonly failures: FailurePolicy;
  /** How long an attempt may wait for a place, from now. */
  queueWaitMs(): number;
  /** The lane's wait is over, and it has its place: the attempt begins. */
  launch(lane: Lane<Served>): void;
  /** The lane got no place. */
  onSaturated(lane: Lane<Served>, waitedMs: number): void;
  /** The lane gave up the place that it waited for, since it is better elsewhere. */
  onLeft(lane: Lane<Served>, waitedMs: number): void;
  /** Whether a target that became unhealthy while a call waited for a place there should be left for another. */
  isBetterElsewhere(planned: PlannedCall): boolean;
  /** Takes a step that nobody waits for: what it throws ends the request. */
  guard(step: () => void): void;
}

/** The way of one call: waits for its time, then for a place at its target, is made, and gives the place back. */
export class Lane<Served extends Attempt = Attempt> {
  readonly planned: PlannedCall;
  /** Set by the host when it launches. */
  attempt: Served | undefined;
  readonly #host: LaneHost<Served>;
  #waitTimer: NodeJS.Timeout | undefined;
  #queueingSinceMs: number | undefined;
  #entrance: Entrance | undefined;
  #permit: HealthPermit | undefined;

  constructor(host: LaneHost<Served>, next: PlannedCall) {
    this.#host = host;
    this.planned = next;
  }

  start(): void {
    if (this.planned.waitMs > 0) {
      this.#waitTimer = setTimeout(enterLane, this.planned.waitMs, this);
    } else {
      this.enter();
    }
  }

  /** For the timer alone. */
  enterInTime(): void {
    this.#host.guard(() => this.enter());
  }

  /** When it began to wait for a place, on the monotonic clock; undefined while it does not. */
  get queueingSinceMs(): number | undefined {
    return this.attempt === undefined ? this.#queueingSinceMs : undefined;
  }

  enter(): void {
    const { limits } = this.planned.link.target;
    if (limits.length === 0) {
      this.#begin();
      return;
    }
    const { clock } = this.#host;
    const startedAtMs = clock.monotonicMs();
    const nowMs = () => clock.monotonicMs();
    const entrance = new Entrance(limits, startedAtMs + this.#host.queueWaitMs(), nowMs);
    this.#entrance = entrance;
    entrance.enter((hasPlace) => {
      this.#host.guard(() => this.#onEntered(entrance, { hasPlace, startedAtMs }));
    });
    this.#queueingSinceMs = startedAtMs;
  }

  #onEntered(entrance: Entrance, { hasPlace, startedAtMs }: { hasPlace: boolean; startedAtMs: number }): void {
    const waitedMs = this.#host.clock.monotonicMs() - startedAtMs;
    if (!hasPlace) {
      this.#host.onSaturated(this, waitedMs);
    } else if (this.#queueingSinceMs !== undefined && this.#host.isBetterElsewhere(this.planned)) {
      entrance.leave();
      this.#host.onLeft(this, waitedMs);
    } else {
      this.#begin();
    }
  }

  /** Ends it at once, in whatever state it is. */
  cancel(failureClass: errorsV1.FailureClass): void {
    clearTimeout(this.#waitTimer);
    if (this.attempt === undefined) {
      this.release(toFailure(failureClass));
    } else {
      this.attempt.cancel(failureClass);
    }
  }

  /** The attempt is over: tells the target's health, and the attempt's span what that changed, and gives the place back. */
  release(failure: ProviderFailure | undefined): void {
    try {
      if (this.#permit !== undefined) {
        this.#reportOutcome(this.#permit, failure);
      }
    } finally {
      this.#entrance?.leave();
    }
  }

  #reportOutcome(permit: HealthPermit, failure: ProviderFailure | undefined): void {
    const { clock, failures } = this.#host;
    const { target } = this.planned.link;
    const nowMs = clock.monotonicMs();
    const span = this.attempt?.span;
    const before = span && toHealthOnSpan(target, nowMs);
    reportOutcome({ target, permit, failure, failures }, nowMs);
    if (before !== undefined) {
      span?.addHealthChange(before, toHealthOnSpan(target, nowMs));
    }
  }

  #begin(): void {
    this.#permit = new HealthPermit(this.planned.link.target.breaker, this.#host.clock.monotonicMs());
    this.#host.launch(this);
  }
}

function enterLane(lane: Lane): void {
  lane.enterInTime();
}
