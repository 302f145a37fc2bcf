/** Most attempts that may wait for a place of one limit; more find it saturated at once. */
export const maxWaiting = 1024;

/** Sets timers; the global functions in production. */
export interface WaitTimers {
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

interface Waiter {
  readonly settle: (hasPlace: boolean) => void;
  readonly timer: unknown;
}

/**
 * Bounds how many attempts are in flight on one target, and lets further ones wait in order for a bounded time. Every
 * place that was given must be given back with `leave`, exactly once.
 */
export class ConcurrencyLimit {
  /** What sets it, in words for people. */
  scope = "";
  readonly #timers: WaitTimers;
  readonly #waiting = new Set<Waiter>();
  #maxConcurrency: number;
  #inFlight = 0;
  #isAdmitting = false;

  constructor(maxConcurrency: number, timers: WaitTimers = globalThis) {
    this.#maxConcurrency = maxConcurrency;
    this.#timers = timers;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get maxConcurrency(): number {
    return this.#maxConcurrency;
  }

  /** Attempts that wait for a place. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Changes the bound. What is in flight goes on; waiting attempts get the places that it opens. */
  setMax(maxConcurrency: number): void {
    this.#maxConcurrency = maxConcurrency;
    this.#admitWaiting();
  }

  /** Takes a place if one is free and nobody waits for it. */
  tryEnter(): boolean {
    if (this.#inFlight >= this.#maxConcurrency || this.#waiting.size > 0) {
      return false;
    }
    this.#inFlight++;
    return true;
  }

  /**
   * Takes a place, at once or within `maxWaitMs`. `settle` is called once, with whether there is a place; not at all
   * after the function that is returned was called, which gives the wait up.
   */
  enter(maxWaitMs: number, settle: (hasPlace: boolean) => void): () => void {
    if (this.tryEnter()) {
      settle(true);
      return noWait;
    }
    if (maxWaitMs <= 0 || this.#waiting.size >= maxWaiting) {
      settle(false);
      return noWait;
    }
    const waiter: Waiter = { settle, timer: this.#timers.setTimeout(() => this.#giveUp(waiter), maxWaitMs) };
    this.#waiting.add(waiter);
    return () => this.#forget(waiter);
  }

  leave(): void {
    this.#inFlight--;
    this.#admitWaiting();
  }

  /** Whoever is admitted may leave at once, which calls this again: the outermost call alone goes on, so the stack stays flat. */
  #admitWaiting(): void {
    if (this.#isAdmitting) {
      return;
    }
    this.#isAdmitting = true;
    try {
      for (const waiter of this.#waiting) {
        if (this.#inFlight >= this.#maxConcurrency) {
          return;
        }
        this.#forget(waiter);
        this.#inFlight++;
        waiter.settle(true);
      }
    } finally {
      this.#isAdmitting = false;
    }
  }

  #giveUp(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    waiter.settle(false);
  }

  #forget(waiter: Waiter): void {
    this.#timers.clearTimeout(waiter.timer);
    this.#waiting.delete(waiter);
  }
}

function noWait(): void {
  // The wait is already over.
}
