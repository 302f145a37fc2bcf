/** How long waits between tries may get. */
export interface BackoffBounds {
  /** Longest wait after the first failure; it doubles with each. */
  readonly initialWaitMs: number;
  /** Longest wait of all. */
  readonly longestWaitMs: number;
}

/**
 * The wait after so many failures in a row, the first being 1. It lies between half of the longest wait of its turn and the
 * whole, as `random`, from 0 up to but not 1, says: those who failed at once do not come back at once.
 */
export function toBackoffMs(
  failures: number,
  { initialWaitMs, longestWaitMs }: BackoffBounds,
  random: () => number,
): number {
  const longestMs = Math.min(longestWaitMs, initialWaitMs * 2 ** (failures - 1));
  return Math.round(longestMs * (0.5 + random() / 2));
}
