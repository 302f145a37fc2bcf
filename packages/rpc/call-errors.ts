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
export function drainingError(serviceName = "service"): RpcError {
  return new RpcError({ code: "UNAVAILABLE", reason: "DRAINING", message: `the ${serviceName} is shutting down` });
}

/** No connection to the service is there. Why not, with the addresses in it, is the cause and for no caller's eyes. */
export function unreachableError(serviceName: string, why: string): RpcError {
  return new RpcError({
    code: "UNAVAILABLE",
    reason: "UNAVAILABLE",
    message: `The ${serviceName} cannot be reached.`,
    cause: new Error(why),
  });
}
