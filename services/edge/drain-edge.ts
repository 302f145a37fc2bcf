import type { Server } from "node:http";
import type { ExchangeHost } from "./exchange.ts";
import { createHttpFailure } from "./http-failure.ts";

/** What callers are told whose requests come, or still run, while the edge shuts down. */
export const drainingFailure = createHttpFailure(503, {
  message: "The gateway is shutting down; send the request again.",
  code: "draining",
});

// Time for the last words to reach callers that were cut off.
const farewellMs = 250;
// Time for a request that is just coming in on a connection.
const unspokenMs = 500;

/** Stops to accept, waits up to `graceMs` for the open exchanges, cuts off the rest, and closes every connection. */
export async function drainEdge(host: ExchangeHost, server: Server, graceMs: number): Promise<void> {
  host.events.draining(graceMs);
  host.isDraining = true;
  spareAnswersOnTheirWay(host, server);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const startedAtMs = performance.now();
  const sweep = setInterval(() => {
    // Connections that fall idle after `close` would stay until their keep-alive time is over.
    server.closeIdleConnections();
    // One on which nothing was asked yet, as browsers and client libraries open them in advance, never counts as idle.
    if (host.open.size === 0 && performance.now() - startedAtMs > unspokenMs) {
      server.closeAllConnections();
    }
  }, 20);
  let cutOff = 0;
  const endGrace = setTimeout(() => {
    cutOff = host.open.size;
    for (const exchange of host.open) {
      exchange.cutOff(drainingFailure);
    }
  }, graceMs);
  const force = setTimeout(() => server.closeAllConnections(), graceMs + farewellMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(endGrace);
  clearTimeout(force);
  host.events.drained(cutOff);
}

/** Node counts a connection as idle, and cuts it, as soon as its answer is whole, although a slow caller still reads it. */
function spareAnswersOnTheirWay(host: ExchangeHost, server: Server): void {
  const closeIdleConnections = server.closeIdleConnections.bind(server);
  // `close` calls this too.
  server.closeIdleConnections = () => {
    if (!host.open.some((exchange) => exchange.isOver)) {
      closeIdleConnections();
    }
  };
}
