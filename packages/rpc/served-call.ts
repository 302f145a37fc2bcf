import type { ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import type { Context, Tracer } from "@opentelemetry/api";
import { cancelledError, deadlineExceededError } from "./call-errors.ts";
import { CallSpan } from "./call-span.ts";
import type { Callee } from "./callee.ts";
import { EarlyEnd, type EarlyEndListener } from "./early-end.ts";
import type { OpenCall, OpenCalls } from "./open-calls.ts";
import { orderedErrorsKey } from "./ordered-errors-key.ts";
import { invalidFields, type RpcError } from "./rpc-error.ts";
import type { CallContext } from "./service.ts";
import { fromTraceHeaders } from "./trace-headers.ts";

/** A call as grpc-js hands it to a handler. */
export type IncomingCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** How calls of one server are kept track of. */
export interface ServedCallOptions {
  readonly tracer: Tracer | undefined;
  /** The calls that are under way; each is there until its end. */
  readonly openCalls: OpenCalls<ServedCall>;
  /** Whether only a drain or its caller ends it. */
  readonly isEndless: boolean;
}

/** One call on the server's side: what the implementation learns of it, and that it ends exactly once. */
export class ServedCall implements EarlyEndListener, OpenCall {
  openIndex = -1;
  readonly context: CallContext;
  readonly isEndless: boolean;
  /** Whether the caller wants the status of a broken stream in its proper order. */
  readonly wantsOrderedErrors: boolean;
  readonly #callee: Callee;
  readonly #openCalls: OpenCalls<ServedCall>;
  readonly #controller = new AbortController();
  readonly #earlyEnd: EarlyEnd;
  readonly #span: CallSpan | undefined;
  #onEarlyEnd: ((error: RpcError) => void) | undefined;
  #isEnded = false;

  constructor(call: IncomingCall, callee: Callee, { tracer, openCalls, isEndless }: ServedCallOptions) {
    const metadata: Record<string, string> = {};
    for (const [key, value] of Object.entries(call.metadata.getMap())) {
      if (typeof value === "string") {
        metadata[key] = value;
      }
    }
    const parent = fromTraceHeaders(metadata.traceparent, metadata.tracestate);
    this.wantsOrderedErrors = metadata[orderedErrorsKey] !== undefined;
    delete metadata.traceparent;
    delete metadata.tracestate;
    delete metadata[orderedErrorsKey];
    this.isEndless = isEndless;
    this.#callee = callee;
    this.#openCalls = openCalls;
    this.#span =
      tracer === undefined || isEndless ? undefined : CallSpan.startServer(tracer, callee.methodName, parent);
    this.context = this.#toContext(call, metadata, this.#span?.context ?? parent);
    this.#earlyEnd = new EarlyEnd(undefined, this.context.deadlineAtMs, this);
    call.on("cancelled", () => this.endEarly(this.#isPastDeadline() ? deadlineExceededError() : cancelledError()));
    openCalls.add(this);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Says what to do when the call ends before the implementation has ended it: to tell the caller, if one is left. */
  whenEndedEarly(listener: (error: RpcError) => void): void {
    this.#onEarlyEnd = listener;
  }

  /** Decodes the request. Throws INVALID_ARGUMENT when it is not what the method takes. */
  decode(bytes: Buffer): unknown {
    try {
      return this.#callee.method.requestType.decode(bytes);
    } catch {
      throw invalidFields([{ field: "", description: `the request of ${this.#callee.methodName} cannot be decoded` }]);
    }
  }

  /** Notes the end. False when the call had ended before, so that nothing more may be sent. */
  finish(error?: RpcError): boolean {
    if (this.#isEnded) {
      return false;
    }
    this.#isEnded = true;
    this.#earlyEnd.dispose();
    this.#openCalls.delete(this);
    this.#span?.end(error);
    return true;
  }

  onEarlyEnd(error: RpcError): void {
    this.endEarly(error);
  }

  /** Ends the call with an error, and the implementation's work with it. */
  endEarly(error: RpcError): void {
    if (!this.finish(error)) {
      return;
    }
    this.#controller.abort(error);
    this.#onEarlyEnd?.(error);
  }

  #toContext(call: IncomingCall, metadata: Record<string, string>, traceContext: Context | undefined): CallContext {
    const deadline = Number(call.getDeadline());
    return {
      metadata,
      signal: this.#controller.signal,
      ...(Number.isFinite(deadline) ? { deadlineAtMs: deadline } : {}),
      ...(traceContext === undefined ? {} : { traceContext }),
    };
  }

  #isPastDeadline(): boolean {
    const { deadlineAtMs } = this.context;
    return deadlineAtMs !== undefined && deadlineAtMs <= Date.now();
  }
}
