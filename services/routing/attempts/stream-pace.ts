import { errorsV1 } from "#contracts";
import type { TargetPolicy } from "../policy/resolve-policy.ts";
import type { TimeLimit } from "./time-limit.ts";

const { FailureClass } = errorsV1;
const never = Number.POSITIVE_INFINITY;

/** What of the request bounds a stream. */
export interface PaceSurroundings {
  readonly deadlineAtMs: number;
  readonly isCommitted: boolean;
}

/** Keeps the time limits of one stream. All times are on the monotonic clock. */
export class StreamPace {
  readonly #policy: TargetPolicy;
  readonly #startedAtMs: number;
  #hasOutput = false;
  #stoppedAtMs: number | undefined;
  #lastModelEventAtMs: number;
  #lastActivityAtMs: number;
  #graceMs: number | undefined;
  #finishedAtMs = 0;

  constructor(policy: TargetPolicy, startedAtMs: number) {
    this.#policy = policy;
    this.#startedAtMs = startedAtMs;
    this.#lastModelEventAtMs = startedAtMs;
    this.#lastActivityAtMs = startedAtMs;
  }

  onModelEvent(nowMs: number): void {
    this.#lastModelEventAtMs = nowMs;
    this.#lastActivityAtMs = nowMs;
  }

  /** The line is alive but the model says nothing: that keeps a stream going only for as long as an attempt may take. */
  onKeepAlive(nowMs: number): void {
    if (nowMs - this.#lastModelEventAtMs < this.#policy.attemptMs) {
      this.#lastActivityAtMs = nowMs;
    }
  }

  /** `first_token` ends and `idle` begins. */
  onOutput(): void {
    this.#hasOutput = true;
  }

  /** The answer is whole, and what follows is waited for no longer than this; undefined: another choice began after all. */
  onFinish(nowMs: number, graceMs: number | undefined): void {
    this.#graceMs = graceMs;
    this.#finishedAtMs = nowMs;
  }

  /** Our own reader is slow: nobody waits for the provider. One who reads nothing for as long as an attempt may take has gone. */
  stop(nowMs: number): void {
    this.#stoppedAtMs = nowMs;
  }

  restart(nowMs: number): void {
    this.#stoppedAtMs = undefined;
    this.#finishedAtMs = nowMs;
    this.#lastModelEventAtMs = nowMs;
    this.#lastActivityAtMs = nowMs;
  }

  /** The limit that passes first now. */
  limit({ deadlineAtMs, isCommitted }: PaceSurroundings): TimeLimit {
    if (this.#graceMs !== undefined && this.#stoppedAtMs === undefined) {
      const atMs = Math.min(this.#finishedAtMs + this.#graceMs, deadlineAtMs);
      return { atMs, failureClass: FailureClass.UNSPECIFIED, isDeadline: false };
    }
    const silence = this.#hasOutput ? this.#idleLimit() : this.#firstTokenLimit();
    const attemptAtMs = isCommitted ? never : this.#startedAtMs + this.#policy.attemptMs;
    if (deadlineAtMs <= silence.atMs && deadlineAtMs <= attemptAtMs) {
      return { atMs: deadlineAtMs, failureClass: FailureClass.PROVIDER_TIMEOUT_TOTAL, isDeadline: true };
    }
    return attemptAtMs < silence.atMs
      ? { atMs: attemptAtMs, failureClass: FailureClass.PROVIDER_TIMEOUT_TOTAL, isDeadline: false }
      : silence;
  }

  #firstTokenLimit(): TimeLimit {
    return {
      atMs: this.#startedAtMs + this.#policy.firstTokenMs,
      failureClass: FailureClass.PROVIDER_TIMEOUT_FIRST_TOKEN,
      isDeadline: false,
    };
  }

  #idleLimit(): TimeLimit {
    if (this.#stoppedAtMs !== undefined) {
      const atMs = this.#stoppedAtMs + this.#policy.attemptMs;
      return { atMs, failureClass: FailureClass.CALLER_CANCELLED, isDeadline: false };
    }
    return {
      atMs: this.#lastActivityAtMs + this.#policy.idleMs,
      failureClass: FailureClass.PROVIDER_TIMEOUT_IDLE,
      isDeadline: false,
    };
  }
}
