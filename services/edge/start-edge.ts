import type { AddressInfo } from "node:net";
import { OpenCalls } from "#rpc";
import { MetricRegistry } from "#runtime";
import { drainEdge } from "./drain-edge.ts";
import { EdgeMetrics } from "./edge-metrics.ts";
import type { EdgeOptions } from "./edge-options.ts";
import { createEdgeEvents } from "./events.ts";
import type { Exchange, ExchangeHost } from "./exchange.ts";
import { createHttpServer } from "./http-server.ts";
import { watchUnreadAnswers } from "./unread-answers.ts";

const defaultUnreadTimeoutMs = 120_000;

/** A running edge. */
export interface EdgeServer {
  /** Where it listens, e.g. `127.0.0.1:8080`. */
  readonly address: string;
  readonly port: number;
  /**
   * Accepts no more requests, lets those that run finish, and closes. What still runs after `graceMs` is cancelled and told
   * so. Never throws; a second call waits for the first.
   */
  drain(graceMs: number): Promise<void>;
  /** Drains without grace. */
  close(): Promise<void>;
}

/** Starts to serve HTTP; throws when the address cannot be taken. */
export async function startEdge(options: EdgeOptions): Promise<EdgeServer> {
  const registry = options.metrics ?? new MetricRegistry();
  const open = new OpenCalls<Exchange>();
  const events = createEdgeEvents(options.logger, new EdgeMetrics(registry, () => open.size));
  const host: ExchangeHost = { tracer: options.tracer, events, open, isDraining: false };
  const http = createHttpServer(host, { ...options, metrics: registry });
  await http.listen({ host: options.host, port: options.port });
  const stopWatching = watchUnreadAnswers(open, options.unreadTimeoutMs ?? defaultUnreadTimeoutMs);
  const { address, port } = http.server.address() as AddressInfo;
  const shown = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  let drained: Promise<void> | undefined;
  const drain = (graceMs: number) => {
    drained ??= drainEdge(host, http.server, graceMs).finally(stopWatching);
    return drained;
  };
  return { address: shown, port, drain, close: () => drain(0) };
}
