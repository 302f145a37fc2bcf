import { configV1 } from "#contracts";

/** What holds where no policy says otherwise. Times are in milliseconds. */
export const defaultPolicy = {
  timeouts: { connectMs: 3_000, firstTokenMs: 30_000, idleMs: 60_000, attemptMs: 300_000, deadlineMs: 600_000 },
  retries: { max: 1, initialBackoffMs: 250, maxBackoffMs: 8_000 },
  maxTotalAttempts: 6,
  breaker: { failureRatio: 0.5, minRequests: 10, windowMs: 30_000, openForMs: 15_000, halfOpenProbes: 3 },
  maxQueueWaitMs: 0,
  streamMode: configV1.StreamMode.INTERACTIVE,
  redraw: false,
  echoEndpointName: false,
} as const;
