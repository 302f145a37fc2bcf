import type { Exchange, ExchangeHandler, TransportFailure } from "../transport.ts";
import type { LocalStep } from "./local-step.ts";

/** Timers, so that tests need not wait. */
export interface LocalTimers {
  setTimeout(action: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Plays the steps of one local answer to a handler, each piece of a body in a turn of the event loop of its own. */
export class LocalExchange implements Exchange {
  readonly #steps: Iterator<LocalStep>;
  readonly #handler: ExchangeHandler;
  readonly #timers: LocalTimers;
  #onOver: (() => void) | undefined;
  #connectTimer: unknown;
  #waitTimer: unknown;
  #turn: NodeJS.Immediate | undefined;
  #isConnected = false;
  #isPaused = false;
  #isOver = false;
  /** Whether a timer, and not the reader, decides when to go on. */
  #isWaiting = false;

  constructor(steps: Iterable<LocalStep>, handler: ExchangeHandler, timers: LocalTimers) {
    this.#steps = steps[Symbol.iterator]();
    this.#handler = handler;
    this.#timers = timers;
  }

  /** Begins in the next turn. `onOver` is called once, when nothing more will happen. */
  run(connectTimeoutMs: number, onOver: () => void): void {
    this.#onOver = onOver;
    this.#connectTimer = this.#timers.setTimeout(() => this.#fail("connect_timeout"), connectTimeoutMs);
    this.#schedule();
  }

  abort(): void {
    this.#finish();
  }

  pause(): void {
    this.#isPaused = true;
    clearImmediate(this.#turn);
    this.#turn = undefined;
  }

  resume(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#schedule();
    }
  }

  #schedule(): void {
    if (!this.#isOver && !this.#isPaused && !this.#isWaiting && this.#turn === undefined) {
      this.#turn = setImmediate(() => {
        this.#turn = undefined;
        this.#advance();
      });
    }
  }

  /** Takes steps up to one after which others get their turn. */
  #advance(): void {
    while (!this.#isOver && !this.#isPaused && !this.#isWaiting && this.#turn === undefined) {
      const step = this.#steps.next();
      if (step.done === true) {
        return;
      }
      this.#take(step.value);
    }
  }

  #take(step: LocalStep): void {
    switch (step.kind) {
      case "connected":
        this.#isConnected = true;
        this.#timers.clearTimeout(this.#connectTimer);
        this.#handler.onConnected();
        break;
      case "wait":
        this.#isWaiting = true;
        this.#waitTimer = this.#timers.setTimeout(() => {
          this.#isWaiting = false;
          this.#schedule();
        }, step.waitMs);
        break;
      case "head":
        this.#handler.onHead(step.status, step.headers);
        break;
      case "data":
        this.#handler.onData(step.bytes);
        this.#schedule();
        break;
      case "end":
        this.#finish();
        this.#handler.onEnd();
        break;
      case "fail":
        this.#fail(step.failure);
        break;
      case "hang":
        this.#isWaiting = true;
        break;
    }
  }

  #fail(failure: TransportFailure): void {
    if (!this.#isOver) {
      this.#finish();
      this.#handler.onFailure(failure, this.#isConnected);
    }
  }

  #finish(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      clearImmediate(this.#turn);
      this.#timers.clearTimeout(this.#connectTimer);
      this.#timers.clearTimeout(this.#waitTimer);
      this.#onOver?.();
    }
  }
}
