import { type CallTarget, GrpcCall, type GrpcCallListener } from "./grpc-call.ts";
import { RpcError } from "./rpc-error.ts";
import type { CallContext } from "./service.ts";

/** Calls a unary method over gRPC. Fails with `RpcError` alone. */
export function callGrpc(target: CallTarget, request: unknown, context: CallContext): Promise<unknown> {
  return new Promise((resolve, reject) => {
    new GrpcCall(target, context, new UnaryOutcome(resolve, reject)).start(request);
  });
}

class UnaryOutcome implements GrpcCallListener {
  readonly #resolve: (answer: unknown) => void;
  readonly #reject: (error: RpcError) => void;
  #answer: unknown;

  constructor(resolve: (answer: unknown) => void, reject: (error: RpcError) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onMessage(message: unknown): void {
    this.#answer = message;
  }

  onEnd(error: RpcError | undefined): void {
    if (error !== undefined) {
      this.#reject(error);
    } else if (this.#answer !== undefined) {
      this.#resolve(this.#answer);
    } else {
      this.#reject(new RpcError({ code: "INTERNAL", reason: "INTERNAL", message: "the answer is missing" }));
    }
  }
}
