import { setTimeout as delay } from "node:timers/promises";

/** How long a retry goes on, and how it waits. */
export interface RetryOptions {
  /** Ends the retry: its reason is thrown. */
  readonly signal: AbortSignal;
  /** Hears of each failure, with the wait that follows; throwing ends the retry. */
  readonly onFailure: (error: unknown, waitMs: number) => void;
  /** Longest wait after the first failure; it doubles with each. Default 250. */
  readonly initialWaitMs?: number;
  /** Longest wait of all. Default 5000. */
  readonly longestWaitMs?: number;
  /** From 0 up to but not 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Calls `operation` until it succeeds. Waits are jittered: between half of the longest and the longest of their turn. */
export async function retryWithBackoff<Result>(
  operation: () => Promise<Result>,
  options: RetryOptions,
): Promise<Result> {
  const { signal, onFailure, initialWaitMs = 250, longestWaitMs = 5000, random = Math.random } = options;
  for (let boundMs = initialWaitMs; ; boundMs = Math.min(boundMs * 2, longestWaitMs)) {
    signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      signal.throwIfAborted();
      const waitMs = Math.round(boundMs * (0.5 + random() / 2));
      onFailure(error, waitMs);
      await delay(waitMs, undefined, { signal });
    }
  }
}
