import { cancelledError, deadlineExceededError } from "./call-errors.ts";
import type { CallSignal } from "./call-signal.ts";
import type { RpcError } from "./rpc-error.ts";
import type { CallContext } from "./service.ts";

/** The longest time that a timer of Node can wait; a deadline beyond it is none. */
const longestTimerMs = 2 ** 31 - 1;

/** Milliseconds until a deadline: 0 when it has passed, undefined when there is none that a timer could keep. */
export function remainingMs(deadlineAtMs: number | undefined): number | undefined {
  if (deadlineAtMs === undefined) {
    return undefined;
  }
  const remaining = deadlineAtMs - Date.now();
  if (remaining > longestTimerMs) {
    return undefined;
  }
  return Math.max(remaining, 0);
}

/** Why a call must not even begin: its caller has left, or its deadline has passed. */
export function endedBeforeStart(context: CallContext): RpcError | undefined {
  if (context.signal?.aborted === true) {
    return cancelledError();
  }
  return remainingMs(context.deadlineAtMs) === 0 ? deadlineExceededError() : undefined;
}

/** What an `EarlyEnd` tells. */
export interface EarlyEndListener {
  /** Called at most once, and never after `dispose`. */
  onEarlyEnd(error: RpcError): void;
}

/** Watches what may end a call before its answer: the caller's signal and the deadline. It must be disposed of. */
export class EarlyEnd {
  readonly #listener: EarlyEndListener;
  readonly #signal: CallSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(signal: CallSignal | undefined, deadlineAtMs: number | undefined, listener: EarlyEndListener) {
    this.#listener = listener;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
    const delayMs = remainingMs(deadlineAtMs);
    if (delayMs !== undefined) {
      this.#timer = setTimeout(EarlyEnd.#onDeadline, delayMs, this);
    }
  }

  static #onDeadline(watch: EarlyEnd): void {
    watch.#end(deadlineExceededError());
  }

  // A function: Node keeps what listens as an object in memory until the next full garbage collection.
  readonly #onAbort = (): void => this.#end(cancelledError());

  #end(error: RpcError): void {
    this.dispose();
    this.#listener.onEarlyEnd(error);
  }

  /** Stops watching. Idempotent. */
  dispose(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    clearTimeout(this.#timer);
  }
}
