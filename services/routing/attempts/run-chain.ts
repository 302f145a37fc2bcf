import type { Context } from "@opentelemetry/api";
import { type configV1, errorsV1, inferenceV1 } from "#contracts";
import type { ChatBody } from "#dialects";
import type { Provider, ProviderCall, ProviderFailure, Transport } from "#providers";
import type { Logger } from "#runtime";
import type { Chain } from "../chain/resolve-chain.ts";
import type { Clock } from "../clock.ts";
import type { OpenedSecrets } from "../snapshot/opened-secrets.ts";
import type { CompiledEndpoint, Snapshot } from "../snapshot/snapshot.ts";
import type { RequestSpan } from "../telemetry/request-span.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptHost } from "./attempt-host.ts";
import { AttemptQueue, type Try } from "./attempt-queue.ts";
import { openCall } from "./open-call.ts";

const { AttemptDecision } = inferenceV1;

/** What runs of all requests share. */
export interface Engine {
  readonly clock: Clock;
  readonly random: () => number;
  readonly transports: Readonly<Record<Provider["transport"], Transport>>;
  readonly secrets: OpenedSecrets;
  readonly logger: Logger;
}

/** One request, ready to be run. Times are on the monotonic clock. */
export interface ChainRequest {
  readonly snapshot: Snapshot;
  readonly endpoint: CompiledEndpoint;
  readonly chain: Chain;
  /** The caller's original; every attempt is built from it. */
  readonly body: ChatBody;
  readonly stream: boolean;
  /** The dialect's own headers, which providers get. */
  readonly headers: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  /** The smallest of all deadlines. */
  readonly deadlineAtMs: number;
  /** The deadline that the caller set itself, which holds for a committed stream too; infinite for none. */
  readonly callerDeadlineAtMs: number;
  readonly span: RequestSpan | undefined;
  readonly traceContext: Context | undefined;
}

/** How a run ended. The attempts are `ChainRun.attempts`. */
export type ChainEnd<Served extends Attempt = Attempt> =
  | { readonly kind: "served"; readonly attempt: Served }
  | { readonly kind: "exhausted"; readonly isPastDeadline: boolean }
  | { readonly kind: "broken"; readonly attempt: Served; readonly failure: ProviderFailure }
  | { readonly kind: "cancelled" };

/** Makes attempts for a run and takes its end. */
export interface ChainListener<Served extends Attempt> {
  createAttempt(run: ChainRun<Served>, attempt: Try, number: number): Served;
  /** Called once, last. */
  onEnd(run: ChainRun<Served>, end: ChainEnd<Served>): void;
}

/**
 * Runs one chain: takes a call from the queue, makes it, and asks the queue what follows a failure, until an attempt serves
 * or nothing may be tried any more. After `commit` nothing else is tried.
 */
export class ChainRun<Served extends Attempt = Attempt> implements AttemptHost {
  readonly request: ChainRequest;
  readonly attempts: Served[] = [];
  deadlineAtMs: number;
  readonly #engine: Engine;
  readonly #listener: ChainListener<Served>;
  readonly #queue: AttemptQueue;
  readonly #inFlight: Served[] = [];
  #waitTimer: NodeJS.Timeout | undefined;
  #isCommitted = false;
  #isOver = false;

  constructor(engine: Engine, request: ChainRequest, listener: ChainListener<Served>) {
    this.#engine = engine;
    this.request = request;
    this.deadlineAtMs = request.deadlineAtMs;
    this.#listener = listener;
    const { maxTotalAttempts, failures } = request.endpoint.policy;
    const { deadlineAtMs } = request;
    this.#queue = new AttemptQueue(request.chain.links, {
      maxTotalAttempts,
      deadlineAtMs,
      failures,
      random: engine.random,
    });
  }

  get clock(): Clock {
    return this.#engine.clock;
  }

  get streamMode(): configV1.StreamMode {
    return this.request.endpoint.policy.streamMode;
  }

  get span(): RequestSpan | undefined {
    return this.request.span;
  }

  /** May end before it returns. */
  start(): void {
    const first = this.#queue.first();
    if (first === undefined) {
      this.#end({ kind: "exhausted", isPastDeadline: false });
    } else {
      this.#launch(first);
    }
  }

  /** From now on only the caller's own deadline bounds the request, and no other target takes over. */
  commit(): void {
    this.#isCommitted = true;
    this.deadlineAtMs = this.request.callerDeadlineAtMs;
  }

  /** Ends the run at once: whoever asked has gone. */
  cancel(): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    clearTimeout(this.#waitTimer);
    for (const attempt of this.#inFlight.splice(0)) {
      attempt.cancel(errorsV1.FailureClass.CALLER_CANCELLED);
    }
    this.#listener.onEnd(this, { kind: "cancelled" });
  }

  onSettled(settled: Attempt): void {
    const index = this.#inFlight.indexOf(settled as Served);
    const attempt = (index < 0 ? settled : this.#inFlight.splice(index, 1)[0]) as Served;
    const { failure } = attempt;
    if (this.#isOver) {
      this.#record(attempt, AttemptDecision.CANCELLED);
    } else if (failure === undefined) {
      this.#record(attempt, AttemptDecision.SERVED);
      this.#end({ kind: "served", attempt });
    } else if (this.#isCommitted) {
      this.#record(attempt, AttemptDecision.STOP);
      this.#end({ kind: "broken", attempt, failure });
    } else if (attempt.isPastDeadline) {
      this.#record(attempt, AttemptDecision.EXHAUSTED);
      this.#end({ kind: "exhausted", isPastDeadline: true });
    } else {
      const { decision, next } = this.#queue.afterFailure(attempt.try, failure, this.clock.monotonicMs());
      this.#record(attempt, decision);
      this.#goOn(next);
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

  #goOn(next: Try | undefined): void {
    if (next === undefined) {
      this.#end({ kind: "exhausted", isPastDeadline: false });
    } else if (next.waitMs > 0) {
      this.#waitTimer = setTimeout(() => this.#launch(next), next.waitMs);
    } else {
      this.#launch(next);
    }
  }

  #launch(next: Try): void {
    const attempt = this.#listener.createAttempt(this, next, this.attempts.length + 1);
    this.attempts.push(attempt);
    this.#inFlight.push(attempt);
    attempt.start();
  }

  #record(attempt: Served, decision: inferenceV1.AttemptDecision): void {
    attempt.decision = decision;
    attempt.span?.end(attempt);
  }

  #end(end: ChainEnd<Served>): void {
    this.#isOver = true;
    this.#listener.onEnd(this, end);
  }
}
