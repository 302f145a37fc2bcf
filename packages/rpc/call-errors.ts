import { RpcError } from "./rpc-error.ts";

/** The caller no longer wants an answer. */
export function cancelledError(): RpcError {
  return new RpcError({ code: "CANCELLED", reason: "CANCELLED", message: "the caller cancelled the call" });
}

/** The call's deadline passed. */
export function deadlineExceededError(): RpcError {
  return new RpcError({
    code: "DEADLINE_EXCEEDED",
    reason: "DEADLINE_EXCEEDED",
    message: "the deadline of the call passed",
  });
}

/** The service shuts down and ends what it still carries. */
export function drainingError(): RpcError {
  return new RpcError({ code: "UNAVAILABLE", reason: "DRAINING", message: "the service is shutting down" });
}

/** No connection to the service is there. */
export function unavailableError(message: string): RpcError {
  return new RpcError({ code: "UNAVAILABLE", reason: "UNAVAILABLE", message });
}
