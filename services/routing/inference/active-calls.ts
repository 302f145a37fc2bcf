import { drainingError, type OpenCall, OpenCalls, type RpcError } from "#rpc";

/** Something under way that can be ended from outside. */
export interface ActiveCall extends OpenCall {
  /** Ends it at once; whoever waits for it is told why. */
  stop(error: RpcError): void;
}

/** The calls under way, so that a service can end without cutting them. */
export class ActiveCalls {
  readonly #calls = new OpenCalls<ActiveCall>();
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  add(call: ActiveCall): void {
    this.#calls.add(call);
  }

  /** Throws UNAVAILABLE while the service drains. */
  admit(): void {
    if (this.#isDraining) {
      throw drainingError("routing service");
    }
  }

  delete(call: ActiveCall): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) {
      this.#onEmpty?.();
    }
  }

  /** Takes no new calls, waits for those under way, and stops what is left after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#calls.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, graceMs);
      this.#onEmpty = resolve;
      await promise;
      clearTimeout(timer);
    }
    for (const call of this.#calls) {
      call.stop(drainingError("routing service"));
    }
  }
}
