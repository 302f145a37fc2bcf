import { type configV1, errorsV1, inferenceV1 } from "#contracts";
import type { Provider, ProviderCall, ProviderFailure, Transport } from "#providers";
import type { Clock } from "../clock.ts";
import type { FailurePolicy } from "../policy/failure-policy.ts";
import type { RequestSpan } from "../telemetry/request-span.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptHost } from "./attempt-host.ts";
import { AttemptQueue, type NextStep } from "./attempt-queue.ts";
import { type AttemptRecord, addSkipped, isUnderWay, toFailure, toSkippedRecord } from "./attempt-record.ts";
import type { ChainEnd } from "./chain-end.ts";
import type { ChainRequest, Engine } from "./chain-request.ts";
import { hadNoTime } from "./had-no-time.ts";
import { Lane, type LaneHost } from "./lane.ts";
import { openCall } from "./open-call.ts";
import type { PlannedCall } from "./planned-call.ts";

const { AttemptDecision } = inferenceV1;
const { FailureClass } = errorsV1;

// A wait that ends with the deadline may end a little before it.
const deadlineToleranceMs = 5;
const noFaultOfTarget = toFailure(FailureClass.CALLER_CANCELLED);

/** Makes attempts for a run and takes its end. */
export interface ChainListener<Served extends Attempt> {
  createAttempt(run: ChainRun<Served>, attempt: PlannedCall, number: number): Served;
  /** Called once, last. */
  onEnd(run: ChainRun<Served>, end: ChainEnd<Served>): void;
}

/**
 * Runs one chain: takes a call from the queue, makes it, and asks the queue what follows a failure, until an attempt serves
 * or nothing may be tried any more. A hedge opens a second lane beside the first. After `commit` nothing else is tried.
 */
export class ChainRun<Served extends Attempt = Attempt> implements AttemptHost, LaneHost<Served> {
  readonly request: ChainRequest;
  /** Calls that were made and targets that were skipped, in the order in which they began. */
  readonly attempts: AttemptRecord[] = [];
  deadlineAtMs: number;
  readonly #engine: Engine;
  readonly #listener: ChainListener<Served>;
  readonly #queue: AttemptQueue;
  readonly #lanes: Lane<Served>[] = [];
  #calls = 0;
  #hedgeTimer: NodeJS.Timeout | undefined;
  #isCommitted = false;
  #isOver = false;
  #isAtDeadline = false;

  constructor(engine: Engine, request: ChainRequest, listener: ChainListener<Served>) {
    this.#engine = engine;
    this.request = request;
    this.deadlineAtMs = request.deadlineAtMs;
    this.#listener = listener;
    const { maxTotalAttempts, failures } = request.endpoint.policy;
    this.#queue = new AttemptQueue(request.chain, {
      maxTotalAttempts,
      deadlineAtMs: request.deadlineAtMs,
      failures,
      random: engine.random,
    });
  }

  get clock(): Clock {
    return this.#engine.clock;
  }

  get span(): RequestSpan | undefined {
    return this.request.span;
  }

  get streamMode(): configV1.StreamMode {
    return this.request.endpoint.policy.streamMode;
  }

  get choiceCount(): number {
    return this.request.body.choiceCount;
  }

  get failures(): FailurePolicy {
    return this.request.endpoint.policy.failures;
  }

  /** May end before it returns. */
  start(): void {
    const { hedgeAfterMs } = this.request.endpoint.policy;
    if (hedgeAfterMs !== undefined) {
      this.#hedgeTimer = setTimeout(openHedge, hedgeAfterMs, this);
    }
    this.#open(this.#queue.first());
  }

  /** This attempt answers. From now on only the caller's own deadline bounds the request, and no other target takes over. */
  commit(winner: Attempt): void {
    this.#isCommitted = true;
    this.deadlineAtMs = this.request.callerDeadlineAtMs;
    this.#cancelLanes(FailureClass.HEDGE_LOST, winner);
  }

  /** Ends the run at once: whoever asked has gone. */
  cancel(): void {
    if (!this.#isOver) {
      this.#end({ kind: "cancelled" }, FailureClass.CALLER_CANCELLED);
    }
  }

  /** For the timer alone: another call goes to the next target if the first has not begun to answer. */
  hedge(): void {
    this.guard(() => this.#hedge());
  }

  #hedge(): void {
    const [lane, ...others] = this.#lanes;
    if (lane === undefined || others.length > 0) {
      return;
    }
    const { attempt } = lane;
    // Before its first call a request can only be waiting for a place.
    const isSlow = attempt === undefined ? this.#calls === 0 : attempt.number === 1 && !attempt.hasBegunToAnswer;
    const next = isSlow ? this.#queue.hedge(this.clock.monotonicMs()) : undefined;
    if (next !== undefined) {
      this.#open(next);
    }
  }

  launch(lane: Lane<Served>): void {
    this.#calls += 1;
    const attempt = this.#listener.createAttempt(this, lane.planned, this.#calls);
    lane.attempt = attempt;
    this.attempts.push(attempt);
    attempt.start();
  }

  onSaturated(lane: Lane<Served>, waitedMs: number): void {
    this.#skip(lane, waitedMs, (nowMs) => this.#queue.afterSaturated(lane.planned, nowMs));
  }

  onLeft(lane: Lane<Served>, waitedMs: number): void {
    this.#skip(lane, waitedMs, (nowMs) => this.#queue.afterLeft(lane.planned, nowMs));
  }

  #skip(lane: Lane<Served>, waitedMs: number, toNextStep: (nowMs: number) => NextStep): void {
    this.#lanes.splice(this.#lanes.indexOf(lane), 1);
    const nowMs = this.clock.monotonicMs();
    const { link } = lane.planned;
    const waited = { startedAtMs: nowMs - waitedMs, durationMs: waitedMs };
    if (nowMs + deadlineToleranceMs >= this.deadlineAtMs) {
      addSkipped(this.attempts, toSkippedRecord(link, { ...waited, decision: AttemptDecision.EXHAUSTED }));
      this.#endAtDeadline();
      return;
    }
    const step = toNextStep(nowMs);
    addSkipped(this.attempts, toSkippedRecord(link, { ...waited, decision: step.decision }));
    this.#goOn(step);
  }

  onSettled(settled: Attempt): void {
    // Whoever settles cannot be told of a fault any more, so it is not passed on to them.
    this.guard(() => {
      try {
        this.#settle(settled as Served);
      } catch (thrown) {
        this.#record(settled as Served, AttemptDecision.STOP);
        throw thrown;
      }
    });
  }

  #settle(attempt: Served): void {
    const { failure } = attempt;
    this.#closeLane(attempt);
    if (this.#isOver || failure?.failureClass === FailureClass.HEDGE_LOST) {
      this.#record(attempt, AttemptDecision.CANCELLED);
    } else if (failure === undefined) {
      this.#record(attempt, AttemptDecision.SERVED);
      this.#end({ kind: "served", attempt }, FailureClass.HEDGE_LOST);
    } else if (this.#isCommitted) {
      this.#record(attempt, AttemptDecision.STOP);
      this.#end({ kind: "broken", attempt, failure }, FailureClass.HEDGE_LOST);
    } else if (attempt.isPastDeadline || this.clock.monotonicMs() >= this.deadlineAtMs) {
      this.#record(attempt, AttemptDecision.EXHAUSTED);
      this.#endAtDeadline();
    } else {
      const step = this.#queue.afterFailure(attempt.planned, failure, this.clock.monotonicMs());
      this.#record(attempt, step.decision);
      this.#goOn(step);
    }
  }

  openCall(attempt: Attempt): ProviderCall | ProviderFailure {
    return openCall(this.#engine, this.request, attempt);
  }

  transportOf(provider: Provider): Transport {
    return this.#engine.transports[provider.transport];
  }

  report(fields: object, message: string): void {
    this.#engine.logger.error({ ...fields, endpoint: this.request.endpoint.name }, message);
  }

  guard(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      this.report({ error: thrown }, "a request failed by a fault of the gateway");
      if (!this.#isOver) {
        this.#end({ kind: "faulty" }, FailureClass.GATEWAY_INTERNAL);
      }
    }
  }

  queueWaitMs(): number {
    return Math.min(this.request.endpoint.policy.maxQueueWaitMs, this.deadlineAtMs - this.clock.monotonicMs());
  }

  isBetterElsewhere({ link }: PlannedCall): boolean {
    const nowMs = this.clock.monotonicMs();
    const { health, breaker } = link.target;
    return health.availability(breaker, nowMs) !== "available" && this.#queue.hasHealthy(nowMs);
  }

  /** A lane that goes on beside the one that failed may still serve. */
  #goOn({ decision, next }: NextStep): void {
    if (next !== undefined || decision === AttemptDecision.STOP || this.#lanes.length === 0) {
      this.#open(next);
    }
  }

  /** Makes a call, or ends the run when there is none to be made. */
  #open(next: PlannedCall | undefined): void {
    if (next === undefined) {
      this.#end({ kind: "exhausted", isPastDeadline: false }, FailureClass.HEDGE_LOST);
      return;
    }
    const lane = new Lane<Served>(this, next);
    this.#lanes.push(lane);
    lane.start();
  }

  #closeLane(attempt: Served): void {
    const index = this.#lanes.findIndex((lane) => lane.attempt === attempt);
    const [lane] = this.#lanes.splice(index, 1);
    const isTooLate = attempt.isPastDeadline || this.#isAtDeadline;
    lane?.release(isTooLate && hadNoTime(attempt, this) ? noFaultOfTarget : attempt.failure);
  }

  #record(attempt: Served, decision: inferenceV1.AttemptDecision): void {
    // The end of a run may have been what failed after it was recorded.
    if (isUnderWay(attempt)) {
      attempt.decision = decision;
      attempt.span?.end(attempt);
    }
  }

  #cancelLanes(failureClass: errorsV1.FailureClass, except?: Attempt): void {
    clearTimeout(this.#hedgeTimer);
    // Cancelled attempts settle at once and take their lanes from the list.
    for (const lane of this.#lanes.slice()) {
      if (lane.attempt === undefined) {
        this.#lanes.splice(this.#lanes.indexOf(lane), 1);
        if (failureClass === FailureClass.HEDGE_LOST) {
          this.#recordOvertaken(lane);
        }
      }
      if (except === undefined || lane.attempt !== except) {
        lane.cancel(failureClass);
      }
    }
  }

  /** A hedge answered while this one still waited for a place. */
  #recordOvertaken({ planned, queueingSinceMs: startedAtMs }: Lane<Served>): void {
    if (startedAtMs !== undefined) {
      const durationMs = this.clock.monotonicMs() - startedAtMs;
      const decision = AttemptDecision.NEXT;
      addSkipped(this.attempts, toSkippedRecord(planned.link, { startedAtMs, durationMs, decision }));
    }
  }

  #endAtDeadline(): void {
    this.#isAtDeadline = true;
    this.#end({ kind: "exhausted", isPastDeadline: true }, FailureClass.PROVIDER_TIMEOUT_TOTAL);
  }

  /** Lanes that are still open end as this class. */
  #end(end: ChainEnd<Served>, others: errorsV1.FailureClass): void {
    this.#isOver = true;
    this.#cancelLanes(others);
    this.#listener.onEnd(this, end);
  }
}

function openHedge(run: ChainRun): void {
  run.hedge();
}
