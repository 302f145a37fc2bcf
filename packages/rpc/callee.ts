import { cancelledError } from "./call-errors.ts";
import type { CallSignal } from "./call-signal.ts";
import { RpcError } from "./rpc-error.ts";
import type { CallContext, MethodDefinition, Service, ServiceDefinition } from "./service.ts";

/** Takes an error that is not an `RpcError`, i.e. a bug, for the service's log. `methodName` is `package.Service/Method`. */
export type UnexpectedErrorListener = (error: unknown, methodName: string) => void;

/** One method of an implementation, as a transport calls it. */
export interface Callee {
  /** `package.Service/Method`. */
  readonly methodName: string;
  readonly method: MethodDefinition;
  /** Calls the implementation: a promise of the answer, or an async iterable where the method streams. May throw. */
  // biome-ignore lint/suspicious/noExplicitAny: what a method takes and returns depends on its definition, which is data here.
  invoke(request: any, context: CallContext): any;
  readonly onUnexpectedError: UnexpectedErrorListener | undefined;
}

/** The methods of an implementation by their key in the definition. Throws `TypeError` for one that is missing. */
export function bindCallees<Definition extends ServiceDefinition>(
  definition: Definition,
  implementation: Service<Definition>,
  onUnexpectedError: UnexpectedErrorListener | undefined,
): ReadonlyMap<string, Callee> {
  const callees = new Map<string, Callee>();
  for (const [key, method] of Object.entries(definition.methods)) {
    const implemented = (implementation as Record<string, unknown>)[key];
    if (typeof implemented !== "function") {
      throw new TypeError(`${definition.fullName} lacks the method ${key}`);
    }
    callees.set(key, {
      methodName: `${definition.fullName}/${method.name}`,
      method,
      invoke: implemented.bind(implementation),
      onUnexpectedError,
    });
  }
  return callees;
}

/**
 * What the caller may see of whatever an implementation threw: an `RpcError` as it is; of anything else nothing, and the
 * listener hears of it, unless it is only the echo of the caller's own cancellation.
 */
export function toCallerError(thrown: unknown, callee: Callee, signal: CallSignal | undefined): RpcError {
  if (thrown instanceof RpcError) {
    return thrown;
  }
  if (signal?.aborted === true && isAbort(thrown, signal)) {
    return cancelledError();
  }
  callee.onUnexpectedError?.(thrown, callee.methodName);
  return new RpcError({ code: "INTERNAL", reason: "INTERNAL", message: "internal error" });
}

function isAbort(thrown: unknown, signal: CallSignal): boolean {
  return (
    (signal.reason !== undefined && thrown === signal.reason) ||
    (thrown instanceof Error && thrown.name === "AbortError")
  );
}
