import { assertMetadata } from "./call-metadata.ts";
import { LightSignal } from "./call-signal.ts";
import { type Callee, toCallerError } from "./callee.ts";
import { EarlyEnd, type EarlyEndListener, endedBeforeStart } from "./early-end.ts";
import type { RpcError } from "./rpc-error.ts";
import type { CallContext } from "./service.ts";

/** Calls a unary method in this process. Fails with `RpcError` alone, and at once when signal or deadline end it. */
export function callInProcess(callee: Callee, request: unknown, context: CallContext): Promise<unknown> {
  if (context.signal === undefined && context.deadlineAtMs === undefined) {
    return invoke(callee, request, context);
  }
  const ended = endedBeforeStart(context);
  if (ended !== undefined) {
    return Promise.reject(ended);
  }
  return new Promise((resolve, reject) => {
    const call = new GuardedCall(context, reject);
    invoke(callee, request, call.context).then(
      (answer) => {
        call.dispose();
        resolve(answer);
      },
      (error) => {
        call.dispose();
        reject(error);
      },
    );
  });
}

async function invoke(callee: Callee, request: unknown, context: CallContext): Promise<unknown> {
  try {
    assertMetadata(context.metadata);
    return await callee.invoke(request, context);
  } catch (thrown) {
    throw toCallerError(thrown, callee, context.signal);
  }
}

/** A call that may end before its answer. Without a deadline the implementation listens to the caller's own signal. */
class GuardedCall implements EarlyEndListener {
  readonly context: CallContext;
  readonly #reject: (error: RpcError) => void;
  readonly #ending: LightSignal | undefined;
  readonly #earlyEnd: EarlyEnd;

  constructor(context: CallContext, reject: (error: RpcError) => void) {
    this.#reject = reject;
    this.#ending = context.deadlineAtMs === undefined ? undefined : new LightSignal();
    this.context = this.#ending === undefined ? context : { ...context, signal: this.#ending };
    this.#earlyEnd = new EarlyEnd(context.signal, context.deadlineAtMs, this);
  }

  onEarlyEnd(error: RpcError): void {
    this.#reject(error);
    this.#ending?.abort();
  }

  dispose(): void {
    this.#earlyEnd.dispose();
  }
}
