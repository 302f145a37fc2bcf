import type { ProviderRequest } from "../provider.ts";
import type { Exchange, ExchangeHandler, Transport } from "../transport.ts";
import { type ExchangeOwner, HttpExchange } from "./http-exchange.ts";
import { type OriginPool, OriginPools } from "./origin-pools.ts";
import { createSocketConnector } from "./socket-connector.ts";

/** What an HTTP transport may reach, and how much it holds. */
export interface HttpTransportOptions {
  /** Whether private, loopback and link-local addresses may be connected to. */
  readonly allowPrivateNetworks: boolean;
  /** 4096 when left out. Requests beyond it wait, within their connect time-out. */
  readonly connectionsPerOrigin?: number;
  /** How long connections to an origin are kept when it is not used; 5 minutes when left out. */
  readonly idleOriginMs?: number;
  /** How many origins may keep connections while they are not used; 256 when left out. */
  readonly maxIdleOrigins?: number;
}

/**
 * Carries requests over HTTP/1.1 with connections that are kept alive. It follows no redirects, asks for no compression and
 * has no time-outs but the connect one.
 */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  return new HttpTransport(options);
}

class HttpTransport implements Transport, ExchangeOwner {
  readonly #pools: OriginPools;
  // The exchange whose request is being handed to a pool right now: a socket that is made meanwhile is made for it.
  #dispatching: HttpExchange | undefined;

  constructor(options: HttpTransportOptions) {
    this.#pools = new OriginPools({
      connectionsPerOrigin: options.connectionsPerOrigin ?? 4_096,
      maxIdleOrigins: options.maxIdleOrigins ?? 256,
      idleOriginMs: options.idleOriginMs ?? 300_000,
      connect: createSocketConnector(options.allowPrivateNetworks, (socket) => this.#dispatching?.ownDial(socket)),
    });
  }

  start(request: ProviderRequest, connectTimeoutMs: number, handler: ExchangeHandler): Exchange {
    const exchange = new HttpExchange(this, this.#pools.take(request.origin), handler);
    const { path, method, headers, body } = request;
    this.#dispatching = exchange;
    exchange.dispatch({ path, method, headers, body }, connectTimeoutMs);
    this.#dispatching = undefined;
    return exchange;
  }

  onOver(pool: OriginPool): void {
    this.#pools.release(pool);
  }

  close(): Promise<void> {
    return this.#pools.close();
  }
}
