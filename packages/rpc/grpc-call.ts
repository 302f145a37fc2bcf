import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import type { Tracer } from "@opentelemetry/api";
import { cancelledError, deadlineExceededError } from "./call-errors.ts";
import { assertMetadata } from "./call-metadata.ts";
import { CallSpan } from "./call-span.ts";
import { EarlyEnd, type EarlyEndListener, endedBeforeStart, remainingMs } from "./early-end.ts";
import type { GrpcChannel, WireCall } from "./grpc-channel.ts";
import { orderedErrorsKey } from "./ordered-errors-key.ts";
import { RpcError } from "./rpc-error.ts";
import type { CallContext, MethodDefinition } from "./service.ts";
import { decodeStatus, statusDetailsKey, toBuffer, toStatusNumber } from "./status-details.ts";
import { toTraceHeaders } from "./trace-headers.ts";

/** The method that a client's call goes to. */
export interface CallTarget {
  readonly channel: GrpcChannel;
  /** `package.Service/Method`. */
  readonly methodName: string;
  readonly path: string;
  readonly method: MethodDefinition;
  readonly tracer: Tracer | undefined;
}

/** Takes what comes of a call. */
export interface GrpcCallListener {
  /** Takes one decoded message that was asked for. Not called after the end. */
  onMessage(message: unknown): void;
  /** Takes the end, once: a good one, or the error that the call failed with. Not called after `leave`. */
  onEnd(error: RpcError | undefined): void;
}

/** One call on the wire, unary or streamed. It ends exactly once, however many things go wrong with it. */
export class GrpcCall implements EarlyEndListener {
  readonly #target: CallTarget;
  readonly #context: CallContext;
  readonly #listener: GrpcCallListener;
  #wire: WireCall | undefined;
  #earlyEnd: EarlyEnd | undefined;
  #connectTimer: NodeJS.Timeout | undefined;
  #span: CallSpan | undefined;
  #isEnded = false;

  constructor(target: CallTarget, context: CallContext, listener: GrpcCallListener) {
    this.#target = target;
    this.#context = context;
    this.#listener = listener;
  }

  /** Sends the request and asks for the first message. Does not throw: whatever goes wrong ends the call with it. */
  start(request: unknown): void {
    try {
      const ended = endedBeforeStart(this.#context);
      if (ended !== undefined) {
        throw ended;
      }
      const metadata = this.#toMetadata();
      const encoded = toBuffer(this.#target.method.requestType.encode(request).finish());
      const wire = this.#open();
      wire.start(metadata, this);
      wire.startRead();
      wire.sendMessageWithContext({}, encoded);
      wire.halfClose();
    } catch (thrown) {
      this.#fail(thrown instanceof RpcError ? thrown : internalError("the request cannot be encoded", thrown));
    }
  }

  /** Asks for the next message of a stream. */
  read(): void {
    this.#wire?.startRead();
  }

  /** Cancels the call at its reader's wish. */
  leave(): void {
    if (this.#isEnded) {
      return;
    }
    this.#finish(cancelledError());
    this.#wire?.cancelWithStatus(status.CANCELLED, "cancelled by the caller");
  }

  onEarlyEnd(error: RpcError): void {
    this.#fail(error);
  }

  onReceiveMetadata(): void {
    clearTimeout(this.#connectTimer);
  }

  onReceiveMessage(bytes: Buffer | null): void {
    if (this.#isEnded || bytes === null) {
      return;
    }
    this.#target.channel.noteAnswer();
    let message: unknown;
    try {
      message = this.#target.method.responseType.decode(bytes);
    } catch (thrown) {
      this.#fail(internalError("the answer cannot be decoded", thrown));
      return;
    }
    this.#listener.onMessage(message);
  }

  onReceiveStatus({ code, details, metadata }: StatusObject): void {
    if (this.#isEnded) {
      return;
    }
    const [encoded] = metadata.get(statusDetailsKey);
    const error = Buffer.isBuffer(encoded) ? decodeStatus(code, details, encoded) : this.#toBareError(code, details);
    if (encoded !== undefined) {
      this.#target.channel.noteAnswer();
    }
    this.#finish(error);
    this.#listener.onEnd(error);
  }

  /** The error of a status without details: the services always send some, so it is of the transport, or of another server. */
  #toBareError(code: status, details: string): RpcError | undefined {
    if (code === status.OK) {
      return undefined;
    }
    // A connection that breaks ends its streams like this.
    if (code === status.UNAVAILABLE || details.startsWith("Received RST_STREAM with code ")) {
      return this.#target.channel.fail(details);
    }
    // Its text has addresses in it too.
    return code === status.DEADLINE_EXCEEDED ? deadlineExceededError() : decodeStatus(code, details, undefined);
  }

  #open(): WireCall {
    const { channel, path } = this.#target;
    const { signal, deadlineAtMs } = this.#context;
    const isConnected = channel.isConnected();
    // A deadline too far for a timer is none: the other side could not keep it either.
    this.#wire = channel.openCall(path, remainingMs(deadlineAtMs) === undefined ? undefined : deadlineAtMs);
    if (!isConnected) {
      this.#connectTimer = setTimeout(this.#onConnectTimeout, channel.connectTimeoutMs);
    }
    // The deadline is kept by grpc-js, which sends it along.
    this.#earlyEnd = new EarlyEnd(signal, undefined, this);
    return this.#wire;
  }

  readonly #onConnectTimeout = (): void => {
    const { channel } = this.#target;
    if (channel.isConnected()) {
      return;
    }
    this.#fail(channel.fail(`no connection to ${channel.address} within ${channel.connectTimeoutMs} ms`));
  };

  #toMetadata(): Metadata {
    const metadata = new Metadata();
    const { metadata: entries, traceContext } = this.#context;
    assertMetadata(entries);
    for (const key in entries) {
      metadata.set(key, entries[key] ?? "");
    }
    if (this.#target.method.responseStream) {
      metadata.set(orderedErrorsKey, "1");
    }
    if (traceContext === undefined) {
      return metadata;
    }
    const { tracer, methodName, channel } = this.#target;
    if (tracer !== undefined) {
      this.#span = CallSpan.startClient(tracer, traceContext, { methodName, peer: channel.peer });
    }
    toTraceHeaders(this.#span?.context ?? traceContext, (key, value) => metadata.set(key, value));
    return metadata;
  }

  #fail(error: RpcError): void {
    if (this.#isEnded) {
      return;
    }
    this.#finish(error);
    this.#wire?.cancelWithStatus(toStatusNumber(error.code), error.message);
    this.#listener.onEnd(error);
  }

  #finish(error: RpcError | undefined): void {
    this.#isEnded = true;
    this.#earlyEnd?.dispose();
    clearTimeout(this.#connectTimer);
    this.#span?.end(error);
  }
}

function internalError(message: string, cause: unknown): RpcError {
  return new RpcError({ code: "INTERNAL", reason: "INTERNAL", message, cause });
}
