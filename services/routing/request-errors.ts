import { RpcError } from "#rpc";

/** While there is no configuration, nothing can be answered. */
export function configUnavailable(): RpcError {
  return new RpcError({
    code: "UNAVAILABLE",
    reason: "CONFIG_UNAVAILABLE",
    message: "This service holds no configuration yet.",
  });
}

/** An INVALID_ARGUMENT about a request body; `param` names the field. */
export function invalidBody(message: string, param: string | undefined): RpcError {
  return new RpcError({
    code: "INVALID_ARGUMENT",
    reason: "INVALID_BODY",
    message,
    metadata: { http_status: "400", ...(param === undefined ? {} : { param }) },
  });
}
