import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Context, INVALID_TRACEID, type Span, type SpanContext, type Tracer, trace } from "@opentelemetry/api";
import type { inferenceV1 } from "#contracts";
import { toOpenAiErrorBody, toOpenAiErrorEvent } from "#dialects";
import { type CallContext, LightSignal, type OpenCall, type OpenCalls, RpcError } from "#rpc";
import { type Backlog, readBacklog } from "./backlog.ts";
import type { EdgeEvents } from "./events.ts";
import { type HttpFailure, toHttpFailure } from "./http-failure.ts";
import { toCallMetadata } from "./invoke-headers.ts";
import { toRequestId } from "./request-id.ts";
import { endServerSpan, startServerSpan } from "./server-span.ts";
import { readTraceParent, toTraceResponse } from "./trace-parent.ts";
import { pushTrailHeaders } from "./trail-headers.ts";
import type { UnreadAnswer } from "./unread-answers.ts";

/** What all exchanges of one edge share. */
export interface ExchangeHost {
  readonly tracer: Tracer;
  readonly events: EdgeEvents;
  /** Exchanges whose answers are not complete. */
  readonly open: OpenCalls<Exchange>;
  /** While true every answer closes its connection. */
  isDraining: boolean;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer | string;
  readonly trail?: inferenceV1.RouteTrail | undefined;
  /** Revision of the configuration that decided, where there is no trail. */
  readonly revision?: string | undefined;
  /** Further headers as name, value, name, value. */
  readonly headers?: readonly string[];
}

// Asked for all the time by machines, about this process alone.
const untracedRoutes: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);
const jsonType = "application/json; charset=utf-8";
// Routing keeps the caller's deadline and knows what was tried until then: its answer is the better one while it lives.
const deadlineHeadroomMs = 500;

/**
 * One HTTP request and its answer. Whatever is sent goes through here, so that every answer has the trail headers, and the
 * span and the log line end with the answer. `signal` aborts when the caller leaves.
 */
export class Exchange implements OpenCall, UnreadAnswer {
  openIndex = -1;
  readonly requestId: string;
  /** Name of the endpoint that the request asks for, once it is known. */
  endpoint: string | undefined;
  readonly #host: ExchangeHost;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #route: string;
  readonly #startedAtMs = performance.now();
  readonly #leaving = new LightSignal();
  readonly #span: Span | undefined;
  readonly #spanContext: SpanContext | undefined;
  readonly #traceContext: Context | undefined;
  #failure: string | undefined;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(host: ExchangeHost, http: { request: IncomingMessage; response: ServerResponse }, route: string) {
    this.#host = host;
    this.#request = http.request;
    this.#response = http.response;
    this.#route = route;
    this.requestId = toRequestId(http.request.headers["x-request-id"]);
    if (!untracedRoutes.has(route)) {
      const parent = readTraceParent(http.request.headers);
      const span = startServerSpan(host.tracer, http.request, { route, parent });
      const spanContext = span.spanContext();
      // Where tracing is off there is nothing to end and nothing to pass on.
      if (spanContext.traceId !== INVALID_TRACEID) {
        this.#span = span;
        this.#spanContext = spanContext;
        this.#traceContext = trace.setSpan(parent, span);
      }
    }
    host.open.add(this);
    http.response.on("close", () => this.#close());
  }

  get headers(): IncomingMessage["headers"] {
    return this.#request.headers;
  }

  /** Whether nothing more can be sent: the answer is whole, or its caller is gone. What is sent all the same goes nowhere. */
  get isOver(): boolean {
    return this.#isClosed || this.#response.writableEnded;
  }

  /** Whether a part of the answer was sent on this socket, and more of it is to come. */
  isMidAnswerOn(socket: Socket): boolean {
    const response = this.#response;
    return response.socket === socket && response.headersSent && !response.writableEnded;
  }

  /** What waits for the caller to read; undefined while nothing does, or while an earlier answer has the connection. */
  readBacklog(): Backlog | undefined {
    const { socket } = this.#response;
    return socket === null ? undefined : readBacklog(socket);
  }

  /** Closes the connection, which ends the request as if the caller had. */
  abandon(): void {
    this.#request.socket.destroy();
  }

  /** What goes with every call that is made for this request; `deadlineMs` is how long its caller waits, where that is told. */
  toCallContext(deadlineMs?: number): CallContext {
    const metadata = toCallMetadata(this.#request.headers);
    const signal = this.#leaving;
    const context =
      this.#traceContext === undefined ? { metadata, signal } : { metadata, signal, traceContext: this.#traceContext };
    return deadlineMs === undefined
      ? context
      : { ...context, deadlineAtMs: Date.now() + deadlineMs + deadlineHeadroomMs };
  }

  /** Sends a whole answer, in one write. */
  answer({ status, contentType, body, trail, revision, headers: further }: Answer): void {
    if (this.isOver) {
      return;
    }
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const headers = ["content-type", contentType, "content-length", String(length)];
    if (further !== undefined) {
      headers.push(...further);
    }
    this.#pushSharedHeaders(headers, trail, revision);
    this.#response.writeHead(status, headers);
    this.#response.end(body);
  }

  /** Sends a body of JSON text; `revision` is that of the configuration that it tells of. */
  answerJson(status: number, body: string, revision?: string): void {
    this.answer({ status, contentType: jsonType, body, revision });
  }

  /** Commits to a stream. The head leaves together with what is written in the same turn of the event loop. */
  beginStream(contentType: string, trail: inferenceV1.RouteTrail | undefined): void {
    if (this.isOver) {
      return;
    }
    const headers = ["content-type", contentType, "cache-control", "no-cache", "x-accel-buffering", "no"];
    this.#pushSharedHeaders(headers, trail);
    this.#response.writeHead(200, headers);
    const { socket } = this.#response;
    if (socket !== null) {
      socket.cork();
      process.nextTick(uncork, socket);
    }
    this.#response.flushHeaders();
  }

  /** Writes to the stream. False asks the caller to await `writable` before it writes more. */
  write(data: Buffer): boolean {
    if (this.isOver) {
      return true;
    }
    if (!this.#response.headersSent) {
      throw new Error("the stream has data before its head");
    }
    return this.#response.write(data);
  }

  /** Right after a `write` that said false: settles when the stream takes more or its caller is gone. */
  writable(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#response.once("drain", resolve);
    });
  }

  /** Ends a whole stream. */
  endStream(): void {
    if (this.isOver) {
      return;
    }
    if (!this.#response.headersSent) {
      throw new Error("the stream ended before its head");
    }
    this.#response.end();
  }

  /** Tells the caller what a service call threw: as a status before the commit, as an error event after it. */
  fail(thrown: unknown): void {
    if (!(thrown instanceof RpcError)) {
      this.#host.events.requestFaulted(this.requestId, thrown);
    }
    this.failWith(toHttpFailure(thrown));
  }

  /** As `fail`, for a failure that is already in HTTP's terms. */
  failWith(failure: HttpFailure, headers: readonly string[] = []): void {
    if (this.isOver) {
      return;
    }
    if (this.#response.headersSent) {
      this.#failure = failure.error.code ?? failure.error.type;
      this.#response.end(toOpenAiErrorEvent(failure.error));
      return;
    }
    const further = [...headers];
    if (failure.retryAfterSeconds !== undefined) {
      further.push("retry-after", String(failure.retryAfterSeconds));
    }
    if (!failure.shouldRetry) {
      further.push("x-should-retry", "false");
    }
    this.answer({
      status: failure.status,
      contentType: jsonType,
      body: toOpenAiErrorBody(failure.error),
      trail: failure.trail,
      revision: failure.revision,
      headers: further,
    });
  }

  /** Ends the request with this failure and cancels the calls that were made for it. */
  cutOff(failure: HttpFailure): void {
    this.failWith(failure);
    this.#leaving.abort();
  }

  #pushSharedHeaders(headers: string[], trail: inferenceV1.RouteTrail | undefined, revision?: string): void {
    pushTrailHeaders(headers, {
      requestId: this.requestId,
      endpoint: this.endpoint,
      trail,
      revision,
      durationMs: performance.now() - this.#startedAtMs,
      traceResponse: this.#spanContext && toTraceResponse(this.#spanContext),
    });
    if (this.#host.isDraining) {
      headers.push("connection", "close");
    }
  }

  #close(): void {
    this.#isClosed = true;
    this.#host.open.delete(this);
    const response = this.#response;
    const callerLeft = !response.writableFinished;
    if (callerLeft) {
      this.#leaving.abort();
    }
    this.#wake?.();
    const status = response.headersSent ? response.statusCode : 499;
    if (this.#span !== undefined) {
      endServerSpan(this.#span, status, this.#failure);
    }
    this.#host.events.requestFinished({
      requestId: this.requestId,
      method: this.#request.method ?? "",
      route: this.#route,
      status,
      durationMs: performance.now() - this.#startedAtMs,
      endpoint: this.endpoint,
      traceId: this.#spanContext?.traceId,
      callerLeft,
      failure: this.#failure,
    });
  }
}

function uncork(socket: Socket): void {
  socket.uncork();
}
