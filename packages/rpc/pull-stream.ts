import type { RpcError } from "./rpc-error.ts";

const done: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * The reader's side of one streamed call, whatever carries it. It is read once, begins at the first `next`, and each
 * message is asked for by a `next`, so that a slow reader slows the service down. Written by hand since an async generator
 * cannot end a `next` that is under way, and costs more per message.
 */
export abstract class PullStream implements AsyncIterableIterator<unknown> {
  #isStarted = false;
  #isEnded = false;
  #pending: PromiseWithResolvers<IteratorResult<unknown>> | undefined;
  /** An end that came while nobody was waiting; the next `next` fails with it. */
  #failure: RpcError | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#pending !== undefined) {
      return this.#pending.promise.then(this.#nextAgain, this.#nextAgain);
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#isEnded) {
      return Promise.resolve(done);
    }
    this.#pending = Promise.withResolvers();
    const { promise } = this.#pending;
    if (this.#isStarted) {
      this.pull();
    } else {
      this.#isStarted = true;
      this.start();
    }
    return promise;
  }

  return(): Promise<IteratorResult<unknown>> {
    if (this.#isStarted && !this.#isEnded) {
      this.leave();
    }
    this.#isEnded = true;
    this.#failure = undefined;
    this.#settle()?.resolve(done);
    return Promise.resolve(done);
  }

  /** Makes the call and asks for its first message. Must not throw. */
  protected abstract start(): void;

  /** Asks for the next message. Must not throw. */
  protected abstract pull(): void;

  /** Cancels the call since its reader left early. */
  protected abstract leave(): void;

  /** Hands a message to the reader; only after it was asked for. */
  protected deliver(result: IteratorResult<unknown>): void {
    if (!this.#isEnded) {
      this.#settle()?.resolve(result);
    }
  }

  /** Ends the stream, well or with an error. A second end is ignored. */
  protected end(error?: RpcError): void {
    if (this.#isEnded) {
      return;
    }
    this.#isEnded = true;
    const pending = this.#settle();
    if (error === undefined) {
      pending?.resolve(done);
    } else if (pending === undefined) {
      this.#failure = error;
    } else {
      pending.reject(error);
    }
  }

  readonly #nextAgain = (): Promise<IteratorResult<unknown>> => this.next();

  #settle(): PromiseWithResolvers<IteratorResult<unknown>> | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }
}
