import { cancelledError } from "./call-errors.ts";
import { assertMetadata } from "./call-metadata.ts";
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
  readonly #controller = new AbortController();
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
      if (ended !== undefined) throw ended;
      assertMetadata(this.#context.metadata);
      const context = { ...this.#context, signal: this.#controller.signal };
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
    this.#abandon(cancelledError());
  }

  onEarlyEnd(error: RpcError): void {
    this.end(error);
    this.#abandon(error);
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
    this.end(toCallerError(thrown, this.#callee, this.#controller.signal));
  };

  /** Lets the implementation clean up after a call that ended before it did, without waiting for it. */
  #abandon(error: RpcError): void {
    this.#earlyEnd?.dispose();
    this.#controller.abort(error);
    this.#source?.return?.()?.then(undefined, (thrown) => {
      toCallerError(thrown, this.#callee, this.#controller.signal);
    });
  }
}
