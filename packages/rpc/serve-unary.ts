import type { sendUnaryData } from "@grpc/grpc-js";
import { type Callee, toCallerError } from "./callee.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import type { ServedCall } from "./served-call.ts";
import { toBuffer } from "./status-details.ts";

/** Answers one unary call: bytes in, bytes out. Never rejects. */
export async function serveUnary(
  callee: Callee,
  call: ServedCall,
  { request, send }: { readonly request: Buffer; readonly send: sendUnaryData<Buffer> },
): Promise<void> {
  call.whenEndedEarly((error) => send(toGrpcStatus(error)));
  try {
    const answer = await callee.invoke(call.decode(request), call.context);
    const bytes = toBuffer(callee.method.responseType.encode(answer).finish());
    if (call.finish()) {
      send(null, bytes);
    }
  } catch (thrown) {
    const error = toCallerError(thrown, callee, call.context.signal);
    if (call.finish(error)) {
      send(toGrpcStatus(error));
    }
  }
}
