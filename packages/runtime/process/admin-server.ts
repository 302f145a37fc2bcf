import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { formatMetrics, metricsContentType } from "../metrics/format-metrics.ts";
import type { MetricRegistry } from "../metrics/metric-registry.ts";

/** Whether a service can do its work now. */
export interface Readiness {
  /** Undefined when it can. */
  readonly notReadyReason: string | undefined;
  /** What `/readyz` shows besides `status` and `reason`. */
  readonly report?: Readonly<Record<string, unknown>>;
}

/** What an admin server serves. */
export interface AdminServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly readReadiness: () => Readiness | Promise<Readiness>;
  /** What `/metrics` shows. */
  readonly metrics: MetricRegistry;
  /** From when it aborts on, nothing is ready any more: the process drains. */
  readonly signal: AbortSignal;
}

/** A running admin server. */
export interface AdminServer {
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

const jsonType = "application/json";

/** Serves `/healthz` (200 while the process lives), `/readyz` (200 or 503 with a reason) and `/metrics`, without a key. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const server = createServer((incoming, response) => {
    if (incoming.method !== "GET" && incoming.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      answer(response, 405, { error: "only GET and HEAD are answered here" });
      return;
    }
    answerPath(incoming.url?.split("?")[0] ?? "", response, options).catch((error: unknown) => {
      answer(response, 503, { status: "not_ready", reason: error instanceof Error ? error.message : "unknown" });
    });
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host: options.host, port: options.port }, resolve);
  await listening;
  const { address, port } = server.address() as AddressInfo;
  return {
    address: `${address.includes(":") ? `[${address}]` : address}:${port}`,
    port,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

async function answerPath(path: string, response: ServerResponse, options: AdminServerOptions): Promise<void> {
  switch (path) {
    case "/healthz":
      answer(response, 200, { status: "ok" });
      return;
    case "/readyz": {
      const { notReadyReason, report } = await options.readReadiness();
      const reason = options.signal.aborted ? "the service is shutting down" : notReadyReason;
      const head = reason === undefined ? { status: "ready" } : { status: "not_ready", reason };
      answer(response, reason === undefined ? 200 : 503, { ...head, ...report });
      return;
    }
    case "/metrics": {
      const text = formatMetrics(options.metrics);
      response
        .writeHead(200, { "content-type": metricsContentType, "content-length": Buffer.byteLength(text) })
        .end(text);
      return;
    }
    default:
      answer(response, 404, { error: "there are /healthz, /readyz and /metrics here" });
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { "content-type": jsonType, "content-length": Buffer.byteLength(text) }).end(text);
}
