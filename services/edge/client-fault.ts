import type { Socket } from "node:net";
import { toOpenAiErrorBody } from "#dialects";
import { createHttpFailure } from "./http-failure.ts";
import { toRequestId } from "./request-id.ts";

interface Fault {
  readonly status: number;
  readonly phrase: string;
  readonly message: string;
  readonly code: string;
}

const faults: Readonly<Record<string, Fault>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    phrase: "Request Timeout",
    message: "The request did not arrive in time.",
    code: "request_timeout",
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    phrase: "Request Header Fields Too Large",
    message: "The request's headers are too large.",
    code: "headers_too_large",
  },
};

const badRequest: Fault = {
  status: 400,
  phrase: "Bad Request",
  message: "The request is not valid HTTP.",
  code: "invalid_http",
};

/** Answers a request that could not be read as HTTP or did not arrive in time, and closes the connection. */
export function answerClientFault(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, phrase, message, code } = faults[error.code ?? ""] ?? badRequest;
  const body = toOpenAiErrorBody(createHttpFailure(status, { message, code }).error);
  socket.end(
    [
      `HTTP/1.1 ${status} ${phrase}`,
      "content-type: application/json; charset=utf-8",
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${toRequestId(undefined)}`,
      "x-spillway-attempts: 0",
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
