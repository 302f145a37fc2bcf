import type { ServerWritableStream } from "@grpc/grpc-js";
import { type Callee, toCallerError } from "./callee.ts";
import { toGrpcStatus, toStatusMetadata } from "./grpc-status.ts";
import type { RpcError } from "./rpc-error.ts";
import type { ServedCall } from "./served-call.ts";
import { toBuffer } from "./status-details.ts";

/** A message from this size on is waited for by itself, since grpc-js counts messages and not bytes. */
const largeMessageBytes = 64 * 1024;

/** Answers one streamed call. Never rejects. */
export function serveStream(
  callee: Callee,
  call: ServedCall,
  wire: ServerWritableStream<Buffer, Buffer>,
): Promise<void> {
  return new StreamServer(callee, call, wire).run();
}

/** Moves messages from an implementation to the wire, as fast as the reader takes them and no faster. */
class StreamServer {
  readonly #callee: Callee;
  readonly #call: ServedCall;
  readonly #wire: ServerWritableStream<Buffer, Buffer>;
  #source: AsyncIterator<unknown> | undefined;
  #wake: (() => void) | undefined;
  #hasSent = false;

  constructor(callee: Callee, call: ServedCall, wire: ServerWritableStream<Buffer, Buffer>) {
    this.#callee = callee;
    this.#call = call;
    this.#wire = wire;
    wire.on("drain", this.#onWritable);
    call.whenEndedEarly((error) => this.#abandon(error));
  }

  async run(): Promise<void> {
    const { method } = this.#callee;
    try {
      const request = this.#call.decode(this.#wire.request);
      const source: AsyncIterator<unknown> = this.#callee.invoke(request, this.#call.context)[Symbol.asyncIterator]();
      this.#source = source;
      for (;;) {
        const result = await source.next();
        if (this.#call.isEnded) {
          return;
        }
        if (result.done === true) {
          break;
        }
        await this.#write(toBuffer(method.responseType.encode(result.value).finish()));
        if (this.#call.isEnded) {
          return;
        }
      }
      if (this.#call.finish()) {
        this.#wire.end();
      }
    } catch (thrown) {
      const error = toCallerError(thrown, this.#callee, this.#call.context.signal);
      if (this.#call.finish(error)) {
        this.#sendError(error);
      }
      // It goes on where only its message could not be written.
      this.#leaveSource();
    }
  }

  /** Undefined when more may be written at once. */
  #write(bytes: Buffer): Promise<void> | undefined {
    this.#hasSent = true;
    const isLarge = bytes.length >= largeMessageBytes;
    const isWritable = isLarge ? this.#wire.write(bytes, this.#onWritable) : this.#wire.write(bytes);
    if (isWritable && !isLarge) {
      return undefined;
    }
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  readonly #onWritable = (): void => {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };

  /** The call ended first: tells the caller, if one is left, and lets the implementation clean up without waiting for it. */
  #abandon(error: RpcError): void {
    if (!this.#wire.cancelled) {
      this.#sendError(error);
    }
    this.#onWritable();
    this.#leaveSource();
  }

  /** Tells the implementation that nothing more is read; one that has ended hears nothing new. */
  #leaveSource(): void {
    this.#source?.return?.()?.then(undefined, (thrown) => {
      toCallerError(thrown, this.#callee, this.#call.context.signal);
    });
  }

  #sendError(error: RpcError): void {
    if (this.#hasSent && this.#call.wantsOrderedErrors) {
      this.#wire.end(toStatusMetadata(error));
    }
    // `destroy(error)` would send no status at all.
    else {
      this.#wire.emit("error", toGrpcStatus(error));
    }
  }
}
