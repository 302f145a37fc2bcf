import type { Socket } from "node:net";
import type { Dispatcher } from "undici";
import type { AnswerHeaders } from "../answer-headers.ts";
import type { Exchange, ExchangeHandler, TransportFailure } from "../transport.ts";
import type { OriginPool } from "./origin-pools.ts";
import { toTransportFailure } from "./transport-failures.ts";

/** What an exchange needs of the transport it belongs to. */
export interface ExchangeOwner {
  /** Called once, when an exchange over this pool has ended, in whatever way. */
  onOver(pool: OriginPool): void;
}

/** Thrown inside the pool so that it drops a request nobody waits for, without closing the connection made for it. */
const abandoned = new Error("the exchange is over");

/**
 * One request on its way: what the caller holds and what undici calls are one object, so that a request costs no closures.
 * Whatever undici still says after the end is not passed on.
 */
export class HttpExchange implements Exchange, Dispatcher.DispatchHandler {
  readonly #owner: ExchangeOwner;
  readonly #pool: OriginPool;
  readonly #handler: ExchangeHandler;
  #connectTimer: NodeJS.Timeout | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #dialing: Socket | undefined;
  #isOver = false;
  #isPaused = false;
  #isStarting = true;

  constructor(owner: ExchangeOwner, pool: OriginPool, handler: ExchangeHandler) {
    this.#owner = owner;
    this.#pool = pool;
    this.#handler = handler;
  }

  /** Hands the request to the pool. Until this has returned the handler hears nothing. */
  dispatch(request: Dispatcher.DispatchOptions, connectTimeoutMs: number): void {
    this.#connectTimer = setTimeout(onConnectTimeout, connectTimeoutMs, this);
    this.#pool.dispatcher.dispatch(request, this);
    this.#isStarting = false;
  }

  abort(): void {
    if (!this.#isOver) {
      this.#finish();
      this.#stop();
    }
  }

  pause(): void {
    this.#isPaused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isOver) {
      this.#controller?.resume();
    }
  }

  /** Takes the socket that is being connected for this exchange. */
  ownDial(socket: Socket): void {
    this.#dialing = socket;
  }

  onConnectTimeout(): void {
    if (!this.#isOver && this.#controller === undefined) {
      this.#fail("connect_timeout");
      this.#stop();
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) {
      throw abandoned;
    }
    clearTimeout(this.#connectTimer);
    this.#connectTimer = undefined;
    this.#dialing = undefined;
    this.#controller = controller;
    if (this.#isPaused) {
      controller.pause();
    }
    this.#handler.onConnected();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (!this.#isOver && status >= 200) {
      this.#handler.onHead(status, headers);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver) {
      this.#handler.onData(chunk);
    }
  }

  onResponseEnd(): void {
    if (!this.#isOver) {
      this.#finish();
      this.#handler.onEnd();
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: unknown): void {
    if (this.#isOver) {
      return;
    }
    if (this.#isStarting) {
      // A caller cannot know its exchange yet while `start` has not returned.
      queueMicrotask(() => this.onResponseError(null, error));
      return;
    }
    this.#fail(toTransportFailure(error, this.#controller !== undefined));
  }

  #fail(failure: TransportFailure): void {
    this.#finish();
    this.#handler.onFailure(failure, this.#controller !== undefined);
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#connectTimer);
    this.#connectTimer = undefined;
    this.#owner.onOver(this.#pool);
  }

  #stop(): void {
    if (this.#controller !== undefined) {
      this.#controller.abort(abandoned);
      return;
    }
    this.#dialing?.destroy(abandoned);
    this.#dialing = undefined;
  }
}

function onConnectTimeout(exchange: HttpExchange): void {
  exchange.onConnectTimeout();
}
