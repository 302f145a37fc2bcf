import { setTimeout as delay } from "node:timers/promises";
import { type BackoffBounds, toBackoffMs } from "./to-backoff-ms.ts";

/** How long a retry goes on, and how it waits: 250 ms at most after the first failure, and never more than 5000, unless told. */
export interface RetryOptions extends Partial<BackoffBounds> {
  /** Ends the retry: its reason is thrown. */
  readonly signal: AbortSignal;
  /** Hears of each failure, with the wait that follows; throwing ends the retry. */
  readonly onFailure: (error: unknown, waitMs: number) => void;
  /** From 0 up to but not 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Calls `operation` until it succeeds. Waits are jittered: between half of the longest and the longest of their turn. */
export async function retryWithBackoff<Result>(
  operation: () => Promise<Result>,
  options: RetryOptions,
): Promise<Result> {
  const { signal, onFailure, initialWaitMs = 250, longestWaitMs = 5000, random = Math.random } = options;
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      signal.throwIfAborted();
      const waitMs = toBackoffMs(failures, { initialWaitMs, longestWaitMs }, random);
      onFailure(error, waitMs);
      await delay(waitMs, undefined, { signal });
    }
  }
}
