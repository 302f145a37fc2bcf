import { errorsV1, inferenceV1 } from "#contracts";
import {
  type AnswerHeaders,
  type Exchange,
  type ExchangeHandler,
  hideSecret,
  hideSecretIn,
  type ProviderFailure,
  type TokenUsage,
  type TransportFailure,
} from "#providers";
import type { ChainLink } from "../chain/chain.ts";
import type { AttemptSpan } from "../telemetry/attempt-span.ts";
import type { AttemptHost } from "./attempt-host.ts";
import { type AttemptRecord, toFailure } from "./attempt-record.ts";
import { ErrorAnswerReader } from "./error-answer-reader.ts";
import type { PlannedCall } from "./planned-call.ts";
import type { TimeLimit } from "./time-limit.ts";

const { FailureClass } = errorsV1;

const noReasons: readonly string[] = Object.freeze([]);
const nothing: Readonly<Record<string, string>> = Object.freeze({});

// The most that a Node timer can wait.
const longestTimerMs = 2 ** 31 - 1;

/**
 * One call to one target: builds the request from the caller's original, holds the attempt's one timer, and settles exactly
 * once. What a successful answer is, unary or streamed, is its subclass's.
 */
export abstract class Attempt implements ExchangeHandler, AttemptRecord {
  readonly link: ChainLink;
  readonly planned: PlannedCall;
  readonly number: number;
  readonly startedAtMs: number;
  readonly span: AttemptSpan | undefined;
  durationMs = 0;
  status = 0;
  failure: ProviderFailure | undefined;
  decision: inferenceV1.AttemptDecision = inferenceV1.AttemptDecision.UNSPECIFIED;
  wasConnected = false;
  /** Whether it failed because the request's deadline passed. */
  isPastDeadline = false;
  usage: TokenUsage | undefined;
  firstOutputMs: number | undefined;
  model: string | undefined;
  finishReasons: readonly string[] = noReasons;
  isSettled = false;
  protected readonly host: AttemptHost;
  protected exchange: Exchange | undefined;
  /** What the call is made with; nothing once the attempt has settled. */
  #secret: Readonly<Record<string, string>> = nothing;
  #errorAnswer: ErrorAnswerReader | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerDueAtMs = Number.POSITIVE_INFINITY;

  constructor(host: AttemptHost, attempt: PlannedCall, number: number) {
    this.host = host;
    this.planned = attempt;
    this.link = attempt.link;
    this.number = number;
    this.startedAtMs = host.clock.monotonicMs();
    this.span = host.span?.startAttempt(this);
  }

  /** Whether the provider has begun to answer, so that a hedge would come too late. */
  abstract get hasBegunToAnswer(): boolean;
  /** The limit that passes first in the attempt's present phase. */
  protected abstract limit(): TimeLimit;
  protected abstract onAnswerData(chunk: Buffer): void;
  protected abstract onAnswerEnd(): void;
  /** The connection broke after a successful head. */
  protected abstract onAnswerBroken(): void;

  /** Makes the call. It may settle before this returns. */
  start(): void {
    const { target } = this.link;
    const { provider } = target;
    if (provider === undefined) {
      this.host.report({ provider: target.providerId, target: target.label }, "this build does not know the provider");
      this.settle(toFailure(FailureClass.PROVIDER_MODEL_NOT_FOUND));
      return;
    }
    const call = this.host.openCall(this);
    if ("failureClass" in call) {
      this.settle(call);
      return;
    }
    this.#secret = call.secret;
    this.rearm();
    try {
      const request = provider.buildRequest(call);
      this.span?.setServer(request.origin);
      const exchange = this.host.transportOf(provider).start(request, target.policy.connectMs, this);
      this.exchange = exchange;
      // A transport may report the outcome before it returns.
      if (this.isSettled) {
        exchange.abort();
      }
    } catch (thrown) {
      this.#failByOwnFault(thrown);
    }
  }

  /** Ends it at once for a reason that is not its own. */
  cancel(failureClass: errorsV1.FailureClass): void {
    this.fail(toFailure(failureClass, this.status));
  }

  onConnected(): void {
    this.wasConnected = true;
  }

  onHead(status: number, headers: AnswerHeaders): void {
    this.wasConnected = true;
    this.status = status;
    if (status < 200 || status >= 300) {
      this.#errorAnswer = new ErrorAnswerReader(status, headers, this.host.clock.monotonicMs());
      this.#guard(() => this.rearm());
    }
  }

  onData(chunk: Buffer): void {
    if (this.isSettled) {
      return;
    }
    // A chunk comes often, so this guard has no closure.
    try {
      if (this.#errorAnswer === undefined) {
        this.onAnswerData(chunk);
      } else if (this.#errorAnswer.push(chunk) === "full") {
        this.#classify(this.#errorAnswer);
      }
    } catch (thrown) {
      this.#failByOwnFault(thrown);
    }
  }

  onEnd(): void {
    this.#guard(() => {
      if (this.isSettled) {
        this.onEndAfterSettled();
      } else if (this.#errorAnswer === undefined) {
        this.onAnswerEnd();
      } else {
        this.#classify(this.#errorAnswer);
      }
    });
  }

  onFailure(failure: TransportFailure): void {
    this.#guard(() => {
      if (this.isSettled) {
        this.onEndAfterSettled();
      } else if (this.#errorAnswer !== undefined) {
        this.#classify(this.#errorAnswer);
      } else if (this.status !== 0) {
        this.onAnswerBroken();
      } else {
        this.settle(this.#toTransportFailure(failure));
      }
    });
  }

  /** The exchange of an attempt that had settled before is over. */
  protected onEndAfterSettled(): void {}

  /** Settles and ends the exchange. */
  protected fail(failure: ProviderFailure): void {
    if (this.isSettled) {
      return;
    }
    this.exchange?.abort();
    this.settle(failure);
  }

  /** Records the outcome, once. Undefined: the attempt served. */
  protected settle(failure: ProviderFailure | undefined): void {
    if (this.isSettled) {
      return;
    }
    this.isSettled = true;
    clearTimeout(this.#timer);
    this.failure = failure && hideSecret(failure, this.#secret);
    // The span is the only one who tells of these.
    if (this.span !== undefined) {
      const hide = (text: string) => hideSecretIn(text, this.#secret);
      this.model = this.model && hide(this.model);
      this.finishReasons = this.finishReasons.map(hide);
    }
    this.#secret = nothing;
    this.durationMs = this.host.clock.monotonicMs() - this.startedAtMs;
    this.host.onSettled(this);
  }

  /** Must be called when a limit moves nearer; one that moves away is seen when the timer fires. */
  protected rearm(): void {
    const { atMs } = this.#currentLimit();
    if (this.isSettled || atMs >= this.#timerDueAtMs) {
      return;
    }
    clearTimeout(this.#timer);
    this.#arm(atMs);
  }

  #arm(atMs: number): void {
    this.#timerDueAtMs = atMs;
    const delayMs = Math.min(longestTimerMs, Math.max(1, Math.ceil(atMs - this.host.clock.monotonicMs())));
    this.#timer = setTimeout(onTimer, delayMs, this);
  }

  #currentLimit(): TimeLimit {
    return this.#errorAnswer === undefined ? this.limit() : this.#errorAnswer.limit(this.limit());
  }

  /** For the timer alone. */
  checkLimit(): void {
    this.#timerDueAtMs = Number.POSITIVE_INFINITY;
    if (this.isSettled) {
      return;
    }
    const limit = this.#currentLimit();
    if (this.host.clock.monotonicMs() < limit.atMs) {
      if (limit.atMs !== Number.POSITIVE_INFINITY) {
        this.#arm(limit.atMs);
      }
      return;
    }
    this.isPastDeadline = limit.isDeadline;
    this.#guard(() => {
      if (this.#errorAnswer === undefined) {
        this.onLimit(limit);
      } else {
        this.#classify(this.#errorAnswer);
      }
    });
  }

  /** A limit of the answer has passed. */
  protected onLimit(limit: TimeLimit): void {
    this.fail(toFailure(limit.failureClass, this.status));
  }

  #toTransportFailure(failure: TransportFailure): ProviderFailure {
    switch (failure) {
      case "connect_timeout":
        return toFailure(FailureClass.PROVIDER_TIMEOUT_CONNECT);
      case "unsendable":
        this.host.report({ target: this.link.target.label }, "a header made of the target's secret cannot be sent");
        return toFailure(FailureClass.PROVIDER_CREDENTIALS_REJECTED);
      default:
        return toFailure(FailureClass.PROVIDER_NETWORK);
    }
  }

  /** Nothing that a provider does may end the process: whatever is thrown on the way ends this attempt alone. */
  #guard(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      this.#failByOwnFault(thrown);
    }
  }

  #failByOwnFault(thrown: unknown): void {
    this.host.report({ error: thrown, target: this.link.target.label }, "an attempt failed by a fault of the gateway");
    this.fail(toFailure(FailureClass.GATEWAY_INTERNAL, this.status));
  }

  #classify(answer: ErrorAnswerReader): void {
    this.fail(answer.classify(this.link.target));
  }
}

function onTimer(attempt: Attempt): void {
  attempt.checkLimit();
}
