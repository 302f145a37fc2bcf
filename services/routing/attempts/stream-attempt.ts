import { configV1, errorsV1 } from "#contracts";
import type { CanonicalEvent, ProviderFailure, StreamDecoder } from "#providers";
import { Attempt } from "./attempt.ts";
import type { AttemptHost } from "./attempt-host.ts";
import { mostFinishReasons, toFailure } from "./attempt-record.ts";
import { HeldEvents } from "./held-events.ts";
import type { PlannedCall } from "./planned-call.ts";
import { StreamPace } from "./stream-pace.ts";
import type { TimeLimit } from "./time-limit.ts";

const { FailureClass } = errorsV1;

/** Takes what a committed stream carries. */
export interface StreamSink {
  /** From now on no other target takes over. Called once, before any event. */
  onCommit(attempt: StreamAttempt): void;
  /** The events of one read from the network, or those that were held. `isLast`: the answer is whole with them. */
  onEvents(events: readonly CanonicalEvent[], isLast: boolean): void;
}

/** What a streamed attempt needs of the request that it is made for. */
export interface StreamHost extends AttemptHost {
  readonly streamMode: configV1.StreamMode;
  /** How many choices the request asks for. */
  readonly choiceCount: number;
  /** The attempt is the one that answers. */
  commit(winner: StreamAttempt): void;
}

// After a finish reason the answer is whole; usage and the end marker are waited for no longer than this.
const finishGraceMs = 2_000;

/** An attempt whose answer is a stream. Until it commits it holds what has come; then it passes everything on. */
export class StreamAttempt extends Attempt {
  readonly #sink: StreamSink;
  readonly #streamHost: StreamHost;
  readonly #decoder: StreamDecoder | undefined;
  readonly #held: HeldEvents;
  readonly #pace: StreamPace;
  #isCommitted = false;
  #hasOutput = false;
  #reasons: string[] | undefined;
  #isFinished = false;
  #isDone = false;
  #drainTimer: NodeJS.Timeout | undefined;

  constructor(host: StreamHost, attempt: PlannedCall, of: { readonly number: number; readonly sink: StreamSink }) {
    super(host, attempt, of.number);
    this.#sink = of.sink;
    this.#streamHost = host;
    this.#decoder = attempt.link.target.provider?.createStreamDecoder(host.choiceCount);
    this.#held = new HeldEvents(host.streamMode === configV1.StreamMode.COMPLETE);
    this.#pace = new StreamPace(attempt.link.target.policy, this.startedAtMs);
  }

  /** Stops reading while whoever reads the answer is slow; `idle` stands still meanwhile. */
  pause(): void {
    this.#pace.stop(this.host.clock.monotonicMs());
    this.exchange?.pause();
    this.rearm();
  }

  /** The reader is slow but has not gone. */
  stayPaused(): void {
    this.#pace.stop(this.host.clock.monotonicMs());
  }

  resume(): void {
    this.#pace.restart(this.host.clock.monotonicMs());
    this.exchange?.resume();
    this.rearm();
  }

  override get hasBegunToAnswer(): boolean {
    return this.#hasOutput || this.#isCommitted;
  }

  protected override limit(): TimeLimit {
    return this.#pace.limit({
      deadlineAtMs: this.host.deadlineAtMs,
      isCommitted: this.#isCommitted,
    });
  }

  protected override onLimit(limit: TimeLimit): void {
    const isSilent = limit.failureClass === FailureClass.PROVIDER_TIMEOUT_IDLE;
    if (this.#isFinished || (isSilent && this.#hasWholeChoices)) {
      this.isPastDeadline = false;
      this.exchange?.abort();
      this.#complete([]);
    } else {
      super.onLimit(limit);
    }
  }

  protected override onAnswerData(chunk: Buffer): void {
    this.#take(this.#decoder?.push(chunk) ?? []);
  }

  /** A provider that ends of itself may have given fewer choices than the caller asked for. */
  protected override onAnswerEnd(): void {
    this.#end(() => this.#hasWholeChoices);
  }

  /** A reset after the finish reason loses nothing; before it, the stream is cut however it ended. */
  protected override onAnswerBroken(): void {
    this.#end(() => this.#isFinished);
  }

  #end(isWhole: () => boolean): void {
    this.#take(this.#decoder?.end() ?? []);
    if (this.isSettled) {
      return;
    }
    if (isWhole()) {
      this.#complete([]);
    } else {
      this.fail(toFailure(FailureClass.PROVIDER_STREAM_TRUNCATED, this.status));
    }
  }

  get #hasWholeChoices(): boolean {
    return this.#isFinished || this.#decoder?.hasWholeChoices === true;
  }

  protected override onEndAfterSettled(): void {
    clearTimeout(this.#drainTimer);
  }

  #take(events: readonly CanonicalEvent[]): void {
    const nowMs = this.host.clock.monotonicMs();
    let failure: ProviderFailure | undefined;
    let count = 0;
    for (const event of events) {
      if (event.failure !== undefined) {
        // An answer that is whole stays whole, whatever follows it.
        failure = this.#isFinished ? undefined : event.failure;
        this.#isDone = this.#isFinished;
        break;
      }
      this.#note(event, nowMs);
      count += 1;
    }
    const good = count === events.length ? events : events.slice(0, count);
    if (failure !== undefined) {
      if (this.#isCommitted && good.length > 0) {
        this.#sink.onEvents(good, false);
      }
      this.fail(failure);
    } else if (this.#isDone && !this.#isFinished && !this.#hasOutput) {
      this.fail(toFailure(FailureClass.PROVIDER_STREAM_TRUNCATED, this.status));
    } else if (this.#isDone) {
      this.#complete(good);
      this.#drain();
    } else {
      this.#pass(good);
    }
  }

  /** Takes from an event what it says of the answer. */
  #note(event: CanonicalEvent, nowMs: number): void {
    if (event.isKeepAlive) {
      this.#pace.onKeepAlive(nowMs);
      return;
    }
    this.#pace.onModelEvent(nowMs);
    this.usage = event.usage ?? this.usage;
    this.model ??= event.model;
    if (event.finishReasons.length > 0) {
      this.#keepReasons(event.finishReasons);
    }
    if (event.isOutput && !this.#hasOutput) {
      this.#hasOutput = true;
      this.#pace.onOutput();
      this.firstOutputMs = nowMs - this.startedAtMs;
      this.span?.setFirstOutput(this.firstOutputMs);
      this.rearm();
    }
    if (event.isFinished !== this.#isFinished) {
      this.#isFinished = event.isFinished;
      this.#pace.onFinish(nowMs, event.isFinished ? finishGraceMs : undefined);
      this.rearm();
    }
    this.#isDone ||= event.isDone;
  }

  #keepReasons(reasons: readonly string[]): void {
    if (this.#reasons === undefined) {
      this.#reasons = [];
      this.finishReasons = this.#reasons;
    }
    this.#reasons.push(...reasons.slice(0, mostFinishReasons - this.#reasons.length));
  }

  #pass(events: readonly CanonicalEvent[]): void {
    if (this.#isCommitted) {
      if (events.length > 0) {
        this.#sink.onEvents(events, false);
      }
      return;
    }
    this.#held.add(events);
    const isInteractive = !this.#held.holdsAll;
    if (this.#isFinished || (isInteractive && this.#hasOutput) || this.#held.isFull) {
      this.#commit();
      this.#sink.onEvents(this.#held.take(), false);
    }
  }

  #commit(): void {
    this.#isCommitted = true;
    this.#streamHost.commit(this);
    this.#pace.onOutput();
    this.#sink.onCommit(this);
    this.rearm();
  }

  /** The answer is whole: passes on what is left and settles. */
  #complete(events: readonly CanonicalEvent[]): void {
    if (this.#isCommitted) {
      this.#sink.onEvents(events, true);
    } else {
      this.#held.add(events);
      this.#commit();
      this.#sink.onEvents(this.#held.take(), true);
    }
    this.settle(undefined);
  }

  /** The end of the body frees the connection for others, so it is waited for, in the background and not for long. */
  #drain(): void {
    const { exchange } = this;
    if (exchange !== undefined) {
      exchange.resume();
      this.#drainTimer = setTimeout(() => exchange.abort(), finishGraceMs).unref();
    }
  }
}
