import { bindCallees, type UnexpectedErrorListener } from "./callee.ts";
import { callInProcess } from "./in-process-call.ts";
import { InProcessStream } from "./in-process-stream.ts";
import type { CallContext, Service, ServiceDefinition } from "./service.ts";

/** What an in-process client may be given. */
export interface InProcessClientOptions {
  /** Hears of errors that are not `RpcError`; callers see only INTERNAL. */
  readonly onUnexpectedError?: UnexpectedErrorListener;
}

const noContext: CallContext = {};

/**
 * Makes a client that calls an implementation in this process. Messages pass by reference and are never copied. Errors,
 * cancellation and deadlines are those of every transport: a call ends at once when its signal aborts or its deadline
 * passes, whether or not the implementation listens.
 */
export function createInProcessClient<Definition extends ServiceDefinition>(
  definition: Definition,
  implementation: Service<Definition>,
  options: InProcessClientOptions = {},
): Service<Definition> {
  const methods: Record<string, unknown> = {};
  for (const [key, callee] of bindCallees(definition, implementation, options.onUnexpectedError)) {
    methods[key] = callee.method.responseStream
      ? (request: unknown, context = noContext) => new InProcessStream(callee, request, context)
      : (request: unknown, context = noContext) => callInProcess(callee, request, context);
  }
  return methods as Service<Definition>;
}
