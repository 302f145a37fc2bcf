import { performance } from "node:perf_hooks";
import { type Dispatcher, Pool } from "undici";
import type { SocketConnector } from "./socket-connector.ts";

/** The connections to one origin. */
export interface OriginPool {
  readonly dispatcher: Dispatcher;
  /** Exchanges under way. */
  exchangeCount: number;
  lastUsedMs: number;
}

/** How many connections are kept, how long, and how they are made. */
export interface OriginPoolsOptions {
  readonly connectionsPerOrigin: number;
  readonly maxIdleOrigins: number;
  readonly idleOriginMs: number;
  readonly connect: SocketConnector;
}

/** Below the 5 s after which many servers close an idle connection, so that requests seldom meet a closing one. */
const keepAliveMs = 4_000;
const maxHeaderBytes = 64 * 1024;

/** One pool of connections per origin; those of origins that are no longer used are closed. */
export class OriginPools {
  readonly #options: OriginPoolsOptions;
  readonly #pools = new Map<string, OriginPool>();
  readonly #closing = new Set<Promise<void>>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: OriginPoolsOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(performance.now()), Math.max(options.idleOriginMs / 4, 10));
    this.#sweeper.unref();
  }

  /** The pool of an origin such as `https://api.openai.com`, made when it is first used. */
  take(origin: string): OriginPool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = { dispatcher: this.#createDispatcher(origin), exchangeCount: 0, lastUsedMs: 0 };
      this.#pools.set(origin, pool);
      this.#closeSurplus();
    }
    pool.exchangeCount += 1;
    return pool;
  }

  /** Gives back what `take` gave, when the exchange is over. */
  release(pool: OriginPool): void {
    pool.exchangeCount -= 1;
    pool.lastUsedMs = performance.now();
  }

  /** Closes every pool; resolves when the exchanges under way are over. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    for (const origin of [...this.#pools.keys()]) {
      this.#closePool(origin);
    }
    await Promise.all(this.#closing);
  }

  #createDispatcher(origin: string): Dispatcher {
    return new Pool(origin, {
      connections: this.#options.connectionsPerOrigin,
      // Pipelining would make an answer wait for the one before it.
      pipelining: 1,
      allowH2: false,
      connect: this.#options.connect,
      // Attempts have timers of their own.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: 60_000,
      keepAliveTimeoutThreshold: 1_000,
      maxHeaderSize: maxHeaderBytes,
    });
  }

  #sweep(nowMs: number): void {
    for (const [origin, pool] of this.#pools) {
      if (pool.exchangeCount === 0 && nowMs - pool.lastUsedMs > this.#options.idleOriginMs) {
        this.#closePool(origin);
      }
    }
  }

  #closeSurplus(): void {
    const idle = [...this.#pools].filter(([, pool]) => pool.exchangeCount === 0 && pool.lastUsedMs > 0);
    const surplus = idle.length - this.#options.maxIdleOrigins;
    if (surplus > 0) {
      idle.sort(([, left], [, right]) => left.lastUsedMs - right.lastUsedMs);
      for (const [origin] of idle.slice(0, surplus)) {
        this.#closePool(origin);
      }
    }
  }

  #closePool(origin: string): void {
    const pool = this.#pools.get(origin);
    this.#pools.delete(origin);
    const closing = pool?.dispatcher.close().catch(() => undefined);
    if (closing !== undefined) {
      this.#closing.add(closing);
      void closing.finally(() => this.#closing.delete(closing));
    }
  }
}
