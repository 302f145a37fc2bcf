import type { TransportFailure } from "../transport.ts";

const failureByCode: Readonly<Record<string, TransportFailure>> = {
  SPILLWAY_BLOCKED_ADDRESS: "blocked",
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "refused",
  EHOSTDOWN: "refused",
  ENETUNREACH: "refused",
  ENETDOWN: "refused",
  EADDRNOTAVAIL: "refused",
  ETIMEDOUT: "connect_timeout",
  UND_ERR_CONNECT_TIMEOUT: "connect_timeout",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  EAI_NODATA: "dns",
  EAI_NONAME: "dns",
  EAI_MEMORY: "dns",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  UND_ERR_DESTROYED: "reset",
  UND_ERR_CLOSED: "reset",
  UND_ERR_INVALID_ARG: "unsendable",
  // What remains of a body whose connection was closed: too few bytes, or no last chunk.
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "reset",
  HPE_INVALID_EOF_STATE: "reset",
};

const tlsCode =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|EPROTO$)/;

/**
 * Tells the kinds of network failure apart by the error's code. `hadConnection` says whether the connection was made, since
 * a time-out of the kernel means something else after it.
 */
export function toTransportFailure(error: unknown, hadConnection: boolean): TransportFailure {
  const code = readCode(error);
  if (tlsCode.test(code)) {
    return "tls";
  }
  const failure = failureByCode[code] ?? "other";
  return failure === "connect_timeout" && hadConnection ? "reset" : failure;
}

function readCode(error: unknown): string {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: unknown };
  if (typeof code === "string") {
    return code;
  }
  return Array.isArray(errors) && errors.length > 0 ? readCode(errors[0]) : "";
}
