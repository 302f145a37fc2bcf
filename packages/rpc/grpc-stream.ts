import { type CallTarget, GrpcCall, type GrpcCallListener } from "./grpc-call.ts";
import { PullStream } from "./pull-stream.ts";
import type { RpcError } from "./rpc-error.ts";
import type { CallContext } from "./service.ts";

/** One streamed call over gRPC. */
export class GrpcStream extends PullStream implements GrpcCallListener {
  readonly #call: GrpcCall;
  readonly #request: unknown;

  constructor(target: CallTarget, request: unknown, context: CallContext) {
    super();
    this.#call = new GrpcCall(target, context, this);
    this.#request = request;
  }

  protected override start(): void {
    this.#call.start(this.#request);
  }

  protected override pull(): void {
    this.#call.read();
  }

  protected override leave(): void {
    this.#call.leave();
  }

  onMessage(message: unknown): void {
    this.deliver({ done: false, value: message });
  }

  onEnd(error: RpcError | undefined): void {
    this.end(error);
  }
}
