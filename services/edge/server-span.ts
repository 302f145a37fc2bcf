import type { IncomingMessage } from "node:http";
import { type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT_ORIGINAL,
} from "@opentelemetry/semantic-conventions";

const serverSpan = { kind: SpanKind.SERVER } as const;

/**
 * Starts the span of an HTTP request, named by method and route, or by the method alone where no route takes it. Attributes
 * are set only on a span that is recorded.
 */
export function startServerSpan(
  tracer: Tracer,
  request: IncomingMessage,
  at: { route: string; parent: Context },
): Span {
  const name = at.route === "" ? (request.method ?? "HTTP") : `${request.method} ${at.route}`;
  const span = tracer.startSpan(name, serverSpan, at.parent);
  if (span.isRecording()) {
    setRequestAttributes(span, request, at.route);
  }
  return span;
}

/**
 * Ends the span. `failure` is what went wrong although the status does not say so, such as a stream that broke; a 5xx is an
 * error in any case.
 */
export function endServerSpan(span: Span, status: number, failure: string | undefined): void {
  if (span.isRecording()) {
    span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, status);
    const errorType = failure ?? (status >= 500 ? String(status) : undefined);
    if (errorType !== undefined) {
      span.setAttribute(ATTR_ERROR_TYPE, errorType);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
  }
  span.end();
}

function setRequestAttributes(span: Span, request: IncomingMessage, route: string): void {
  const { method = "GET", url = "/", headers, socket } = request;
  const queryStart = url.indexOf("?");
  span.setAttributes({
    [ATTR_HTTP_REQUEST_METHOD]: method,
    ...(route !== "" && { [ATTR_HTTP_ROUTE]: route }),
    [ATTR_URL_PATH]: queryStart < 0 ? url : url.slice(0, queryStart),
    [ATTR_URL_SCHEME]: "http",
    [ATTR_NETWORK_PROTOCOL_VERSION]: request.httpVersion,
    ...toServerAddress(headers.host),
    ...(socket.remoteAddress !== undefined && { [ATTR_CLIENT_ADDRESS]: socket.remoteAddress }),
    ...(headers["user-agent"] !== undefined && { [ATTR_USER_AGENT_ORIGINAL]: headers["user-agent"] }),
  });
}

function toServerAddress(host: string | undefined): Record<string, string | number> {
  const match = /^(.+?)(?::(\d+))?$/.exec(host ?? "");
  if (match?.[1] === undefined) {
    return {};
  }
  const port = match[2] === undefined ? {} : { [ATTR_SERVER_PORT]: Number(match[2]) };
  return { [ATTR_SERVER_ADDRESS]: match[1], ...port };
}
