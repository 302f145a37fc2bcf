import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type FastifyBodyParser, type FastifyError, type FastifyInstance, type FastifyRequest, fastify } from "fastify";
import type { MetricRegistry } from "#runtime";
import { answerClientFault, refuseConnect } from "./client-fault.ts";
import { drainingFailure } from "./drain-edge.ts";
import type { EdgeOptions } from "./edge-options.ts";
import { Exchange, type ExchangeHost } from "./exchange.ts";
import { createHttpFailure, type HttpFailure, toHttpFailure } from "./http-failure.ts";
import { answerChatCompletion } from "./routes/chat-completions.ts";
import { answerMetrics } from "./routes/metrics.ts";
import { answerModel, answerModels } from "./routes/models.ts";
import { createReadiness } from "./routes/readiness.ts";

declare module "fastify" {
  interface FastifyRequest {
    exchange: Exchange;
  }
}

/** Options of an edge whose registry is settled. */
interface CountedEdgeOptions extends EdgeOptions {
  readonly metrics: MetricRegistry;
}

const defaultBodyLimitBytes = 64 * 1024 * 1024;
const keepAliveTimeoutMs = 72_000;
const headersTimeoutMs = 80_000;
const defaultArrivalTimeoutMs = 120_000;
const defaultReadinessTimeoutMs = 1000;
const timeoutCheckMs = 5000;

const chatRoute = "/v1/chat/completions";

/** Builds the HTTP server with all its routes; it does not listen yet. */
export function createHttpServer(host: ExchangeHost, options: CountedEdgeOptions): FastifyInstance<Server> {
  const bodyLimit = options.bodyLimitBytes ?? defaultBodyLimitBytes;
  const arrivalTimeoutMs = options.requestArrivalTimeoutMs ?? defaultArrivalTimeoutMs;
  const server = fastify({
    bodyLimit,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: arrivalTimeoutMs,
    http: {
      headersTimeout: Math.min(headersTimeoutMs, arrivalTimeoutMs),
      connectionsCheckingInterval: Math.min(timeoutCheckMs, arrivalTimeoutMs),
      // Node's own refusal has an empty body; `openExchanges` refuses in the shape of all errors.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: 1024 },
    clientErrorHandler: (error, socket) => answerClientFault(host, error, socket),
    frameworkErrors: (error, request, reply) => {
      reply.hijack();
      new Exchange(host, { request: request.raw, response: reply.raw }, "").failWith(
        toRequestFailure(error, bodyLimit),
      );
    },
  });
  server.server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    const message = `The header expect: ${request.headers.expect} asks for what cannot be promised; leave it out.`;
    const failure = createHttpFailure(417, { message, param: "expect", code: "expectation_failed" });
    // Whether the body still comes is not known.
    new Exchange(host, { request, response }, "").failWith(failure, ["connection", "close"]);
  });
  server.server.on("connect", (_request, socket: Socket) => refuseConnect(host, socket));
  readRawJson(server);
  openExchanges(server, host);
  server.setErrorHandler<FastifyError>((error, request, reply) => {
    reply.hijack();
    request.exchange.failWith(toRequestFailure(error, bodyLimit));
  });
  addRoutes(server, host, options);
  return server;
}

function readRawJson(server: FastifyInstance<Server>): void {
  const asBytes = { parseAs: "buffer" } as const;
  const takeBytes: FastifyBodyParser<Buffer> = (_request, body, done) => done(null, body);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("application/json", asBytes, takeBytes);
  server.addContentTypeParser(/^application\/[\w.-]+\+json/, asBytes, takeBytes);
  // Reached by other types, and by bodies that came without one: those are tried as JSON.
  server.addContentTypeParser("*", asBytes, (request: FastifyRequest, body: Buffer, done) => {
    if (request.headers["content-type"] === undefined) {
      done(null, body);
    } else {
      done(Object.assign(new Error("unsupported media type"), { statusCode: 415 }));
    }
  });
}

function openExchanges(server: FastifyInstance<Server>, host: ExchangeHost): void {
  server.decorateRequest("exchange");
  server.addHook("onRequest", (request, reply, done) => {
    const route = request.is404 ? "" : (request.routeOptions.url ?? "");
    const exchange = new Exchange(host, { request: request.raw, response: reply.raw }, route);
    request.exchange = exchange;
    if (host.isDraining) {
      reply.hijack();
      exchange.failWith(drainingFailure);
    } else if (request.raw.httpVersion === "1.1" && request.headers.host === undefined) {
      reply.hijack();
      exchange.failWith(createHttpFailure(400, { message: "The request has no Host header.", code: "invalid_http" }));
    } else if (request.is404) {
      reply.hijack();
      answerNoRoute(exchange, request);
    } else {
      done();
    }
  });
}

function addRoutes(server: FastifyInstance<Server>, host: ExchangeHost, options: CountedEdgeOptions): void {
  const { inference, routing } = options;
  const timeoutMs = options.readinessTimeoutMs ?? defaultReadinessTimeoutMs;
  const answerReadiness = createReadiness({ routing, events: host.events, timeoutMs });
  server.post(chatRoute, (request, reply) => {
    reply.hijack();
    void answerChatCompletion(inference, request.exchange, request.body as Buffer | undefined);
  });
  server.get("/v1/models", (request, reply) => {
    reply.hijack();
    void answerModels(inference, request.exchange);
  });
  server.get<{ Params: { "*": string } }>("/v1/models/*", (request, reply) => {
    reply.hijack();
    void answerModel(inference, request.exchange, request.params["*"]);
  });
  server.get("/healthz", (request, reply) => {
    reply.hijack();
    request.exchange.answerJson(200, '{"status":"ok"}');
  });
  server.get("/readyz", (request, reply) => {
    reply.hijack();
    void answerReadiness(request.exchange);
  });
  const metricsSource = { metrics: options.metrics, token: options.metricsToken };
  server.get("/metrics", (request, reply) => {
    reply.hijack();
    answerMetrics(metricsSource, request.exchange);
  });
}

// What stands before the path in a target as proxies get it; the router leaves it out too.
const absoluteForm = /^https?:\/\/.*?\//;
const reads = "GET, HEAD";
const methodsByPath: Readonly<Record<string, string>> = {
  [chatRoute]: "POST",
  "/v1/models": reads,
  "/healthz": reads,
  "/readyz": reads,
  "/metrics": reads,
};

function answerNoRoute(exchange: Exchange, request: FastifyRequest): void {
  const path = (request.url.split("?", 1)[0] ?? "/").replace(absoluteForm, "/");
  const methods = path.startsWith("/v1/models/") ? reads : methodsByPath[path];
  if (methods === undefined) {
    const message = `Unknown request URL: ${request.method} ${path}.`;
    exchange.failWith(createHttpFailure(404, { message, code: "unknown_url" }));
  } else {
    const message = `${path} does not take ${request.method}; use ${methods}.`;
    exchange.failWith(createHttpFailure(405, { message, code: "method_not_allowed" }), ["allow", methods]);
  }
}

function toRequestFailure(error: FastifyError, bodyLimit: number): HttpFailure {
  switch (error.statusCode) {
    case 413: {
      const message = `The request body is larger than ${bodyLimit} bytes.`;
      return createHttpFailure(413, { message, code: "request_too_large" });
    }
    case 415: {
      const message = "The request body must be JSON: send the header content-type: application/json.";
      return createHttpFailure(415, { message, code: "unsupported_media_type" });
    }
    case 400:
    case 414:
      return createHttpFailure(error.statusCode, { message: error.message, code: "invalid_http" });
    default:
      return toHttpFailure(error);
  }
}
