import { assertMetadata } from "./call-metadata.ts";
import { LightSignal } from "./call-signal.ts";
import { type Callee, toCallerError } from "./callee.ts";
import { EarlyEnd, type EarlyEndListener, endedBeforeStart } from "./early-end.ts";
import { PullStream } from "./pull-stream.ts";
import type { RpcError } from "./rpc-error.ts";
import type { CallContext } from "./service.ts";

/** One streamed call in this process. */
export class InProcessStream extends PullStream implements EarlyEndListener {
  readonly #callee: Callee;
  readonly #request: unknown;
  readonly #context: CallContext;
  readonly #leaving = new LightSignal();
  #source: AsyncIterator<unknown> | undefined;
  #earlyEnd: EarlyEnd | undefined;

  constructor(callee: Callee, request: unknown, context: CallContext) {
    super();
    this.#callee = callee;
    this.#request = request;
    this.#context = context;
  }

  protected override start(): void {
    const ended = endedBeforeStart(this.#context);
    try {
      if (ended !== undefined) {
        throw ended;
      }
      assertMetadata(this.#context.metadata);
      const context = { ...this.#context, signal: this.#leaving };
      this.#source = this.#callee.invoke(this.#request, context)[Symbol.asyncIterator]();
      this.#earlyEnd = new EarlyEnd(this.#context.signal, this.#context.deadlineAtMs, this);
    } catch (thrown) {
      this.end(toCallerError(thrown, this.#callee, undefined));
      return;
    }
    this.pull();
  }

  protected override pull(): void {
    this.#source?.next().then(this.#onResult, this.#onThrown);
  }

  protected override leave(): void {
    this.#abandon();
  }

  onEarlyEnd(error: RpcError): void {
    this.end(error);
    this.#abandon();
  }

  readonly #onResult = (result: IteratorResult<unknown>): void => {
    if (result.done !== true) {
      this.deliver(result);
      return;
    }
    this.#earlyEnd?.dispose();
    this.end();
  };

  readonly #onThrown = (thrown: unknown): void => {
    this.#earlyEnd?.dispose();
    this.end(toCallerError(thrown, this.#callee, this.#leaving));
  };

  /** Lets the implementation clean up after a call that ended before it did, without waiting for it. */
  #abandon(): void {
    this.#earlyEnd?.dispose();
    this.#leaving.abort();
    this.#source?.return?.()?.then(undefined, (thrown) => {
      toCallerError(thrown, this.#callee, this.#leaving);
    });
  }
}
