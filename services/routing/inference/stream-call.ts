import type { inferenceV1 } from "#contracts";
import type { CanonicalEvent } from "#providers";
import { type CallContext, cancelledError, type RpcError } from "#rpc";
import type { ChainEnd } from "../attempts/chain-end.ts";
import type { ChainRequest } from "../attempts/chain-request.ts";
import { type ChainListener, ChainRun } from "../attempts/chain-run.ts";
import {
  type Exhaustion,
  judgeBrokenStream,
  judgeExhaustion,
  judgeGatewayFault,
} from "../attempts/judge-exhaustion.ts";
import type { PlannedCall } from "../attempts/planned-call.ts";
import { StreamAttempt, type StreamSink } from "../attempts/stream-attempt.ts";
import { toTrail } from "../attempts/trail.ts";
import { reportRequest } from "../events.ts";
import type { ActiveCall } from "./active-calls.ts";
import { CallerSignal } from "./caller-signal.ts";
import type { InferenceHost } from "./inference-host.ts";
import { MessageQueue, type QueueFlow } from "./message-queue.ts";

/** A message, and how much memory it holds while nobody reads it. */
export interface WrittenMessage<Message> {
  readonly message: Message;
  readonly bytes: number;
}

/** Turns what happens to a stream into the messages of one rpc. One writer serves one call. */
export interface StreamWriter<Message> {
  /** A target is committed. The first events follow at once. */
  onCommit(trail: inferenceV1.RouteTrail, first: readonly CanonicalEvent[]): readonly WrittenMessage<Message>[];
  /** `trail` tells what the request went through until now. */
  onEvents(
    events: readonly CanonicalEvent[],
    isLast: boolean,
    trail: () => inferenceV1.RouteTrail,
  ): readonly WrittenMessage<Message>[];
  /** The answer was whole. */
  onServed(trail: inferenceV1.RouteTrail): readonly WrittenMessage<Message>[];
}

/** What a stream is made of: `prepare` throws `RpcError` when the request is at fault. */
export interface StreamStart<Message> {
  readonly prepare: () => ChainRequest;
  readonly createWriter: (request: ChainRequest) => StreamWriter<Message>;
  readonly context: CallContext | undefined;
}

/** A streamed request. It begins at the first `next`; whoever leaves early cancels it, and the provider's call with it. */
export class StreamCall<Message>
  implements AsyncIterableIterator<Message, undefined>, ChainListener<StreamAttempt>, StreamSink, ActiveCall, QueueFlow
{
  openIndex = -1;
  readonly #host: InferenceHost;
  readonly #start: StreamStart<Message>;
  readonly #queue: MessageQueue<Message>;
  #run: ChainRun<StreamAttempt> | undefined;
  #writer: StreamWriter<Message> | undefined;
  #signal: CallerSignal | undefined;
  #committed: StreamAttempt | undefined;
  #isHeadWritten = false;
  #stopError: RpcError | undefined;
  #hasBegun = false;

  constructor(host: InferenceHost, start: StreamStart<Message>) {
    this.#host = host;
    this.#start = start;
    this.#queue = new MessageQueue(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      try {
        this.#begin();
      } catch (thrown) {
        this.#queue.end(thrown);
      }
    }
    return this.#queue.next();
  }

  return(): Promise<IteratorResult<Message, undefined>> {
    this.#hasBegun = true;
    this.#queue.abandon();
    this.#run?.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  stop(error: RpcError): void {
    this.#stopError = error;
    this.#run?.cancel();
  }

  createAttempt(run: ChainRun<StreamAttempt>, attempt: PlannedCall, number: number): StreamAttempt {
    return new StreamAttempt(run, attempt, { number, sink: this });
  }

  onCommit(attempt: StreamAttempt): void {
    this.#committed = attempt;
  }

  onEvents(events: readonly CanonicalEvent[], isLast: boolean): void {
    const { writer, run } = this.#parts();
    if (!this.#isHeadWritten) {
      this.#isHeadWritten = true;
      this.#write(writer.onCommit(trailOf(run), events));
    }
    this.#write(writer.onEvents(events, isLast, () => trailOf(run)));
  }

  onEnd(run: ChainRun<StreamAttempt>, end: ChainEnd<StreamAttempt>): void {
    this.#signal?.close();
    this.#host.activeCalls.delete(this);
    try {
      reportRequest(this.#host.requestLog, run, end);
      this.#finish(run, end);
    } catch (thrown) {
      // Whatever is wrong, the reader must not wait for ever.
      this.#queue.end(thrown);
      run.report({ error: thrown }, "an answer failed by a fault of the gateway");
    }
  }

  #finish(run: ChainRun<StreamAttempt>, end: ChainEnd<StreamAttempt>): void {
    const trail = trailOf(run);
    if (end.kind === "served") {
      this.#write(this.#parts().writer.onServed(trail));
      this.#queue.end();
      return;
    }
    const nowMs = run.clock.monotonicMs();
    const exhaustion = { endpoint: run.request.endpoint.name, attempts: run.attempts, trail, nowMs };
    this.#queue.end(this.#toError(end, exhaustion));
  }

  onFull(): void {
    this.#committed?.pause();
  }

  onTaken(): void {
    this.#committed?.stayPaused();
  }

  onRelieved(): void {
    this.#committed?.resume();
  }

  #begin(): void {
    this.#host.activeCalls.admit();
    const { prepare, createWriter, context } = this.#start;
    const request = prepare();
    const run = new ChainRun(this.#host.intake.engine, request, this);
    this.#run = run;
    this.#writer = createWriter(request);
    this.#host.activeCalls.add(this);
    if (context?.signal !== undefined) {
      this.#signal = new CallerSignal(context, run.clock, run);
    }
    if (this.#signal?.isAborted) {
      run.cancel();
    } else {
      run.start();
    }
  }

  #toError(end: ChainEnd<StreamAttempt>, of: Omit<Exhaustion, "isPastDeadline">): RpcError {
    switch (end.kind) {
      case "broken":
        return judgeBrokenStream({ ...of, isPastDeadline: end.attempt.isPastDeadline }, end.failure);
      case "exhausted":
        return judgeExhaustion({ ...of, isPastDeadline: end.isPastDeadline });
      case "faulty":
        return judgeGatewayFault(of);
      default:
        return this.#stopError ?? cancelledError();
    }
  }

  #write(written: readonly WrittenMessage<Message>[]): void {
    for (const { message, bytes } of written) {
      this.#queue.push(message, bytes);
    }
  }

  #parts(): { writer: StreamWriter<Message>; run: ChainRun<StreamAttempt> } {
    if (this.#writer === undefined || this.#run === undefined) {
      throw new Error("a stream answered before it began");
    }
    return { writer: this.#writer, run: this.#run };
  }
}

function trailOf(run: ChainRun<StreamAttempt>): inferenceV1.RouteTrail {
  return toTrail(run.request, run.attempts, run.clock.monotonicMs());
}
