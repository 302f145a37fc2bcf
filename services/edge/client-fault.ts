import type { Socket } from "node:net";
import { toOpenAiErrorBody } from "#dialects";
import type { ExchangeHost } from "./exchange.ts";
import { createHttpFailure } from "./http-failure.ts";
import { toRequestId } from "./request-id.ts";

interface Fault {
  readonly status: number;
  readonly phrase: string;
  readonly message: string;
  readonly code: string;
  readonly headers?: readonly string[];
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

const connectRefused: Fault = {
  status: 405,
  phrase: "Method Not Allowed",
  message: "CONNECT is not taken: this is no proxy.",
  code: "method_not_allowed",
  headers: ["allow: GET, HEAD, POST"],
};

// Time for the caller to take the answer and to close its side; one that does not would keep the connection for ever.
const lingerMs = 2000;

/**
 * Answers a request that could not be read as HTTP or did not arrive in time, and closes the connection; only closes it
 * where an answer is under way, since a caller would take what is written then for a part of that answer.
 */
export function answerClientFault(host: ExchangeHost, error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET") {
    socket.destroy();
  } else {
    endWith(host, faults[error.code ?? ""] ?? badRequest, socket);
  }
}

/** Refuses CONNECT on a socket that the HTTP server has let go of, and closes it as `answerClientFault` does. */
export function refuseConnect(host: ExchangeHost, socket: Socket): void {
  socket.on("error", () => socket.destroy());
  // Nobody reads this socket any more, and its end would not be seen.
  socket.resume();
  endWith(host, connectRefused, socket);
}

function endWith(host: ExchangeHost, fault: Fault, socket: Socket): void {
  if (!socket.writable || host.open.some((exchange) => exchange.isMidAnswerOn(socket))) {
    socket.destroy();
    return;
  }
  const { status, phrase, message, code, headers = [] } = fault;
  const body = toOpenAiErrorBody(createHttpFailure(status, { message, code }).error);
  const linger = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once("close", () => clearTimeout(linger));
  socket.end(
    [
      `HTTP/1.1 ${status} ${phrase}`,
      "content-type: application/json; charset=utf-8",
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${toRequestId(undefined)}`,
      "x-spillway-attempts: 0",
      ...headers,
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
