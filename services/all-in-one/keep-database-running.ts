import { setTimeout as delay } from "node:timers/promises";
import { type EmbeddedPostgres, EmbeddedPostgresError } from "#embedded-postgres";
import { type Logger, retryWithBackoff } from "#runtime";

/** What keeps an eye on a database server. */
export interface DatabaseKeeping {
  readonly logger: Pick<Logger, "info" | "warn">;
  /** Ends it: nothing is started again from then on. */
  readonly signal: AbortSignal;
  /** Longest wait before the second try to start the server; it doubles with each. Default 250. */
  readonly initialWaitMs?: number;
  /** How long a server that was started again must run to count as steady, so that its next end is news. Default 10,000. */
  readonly steadyMs?: number;
}

/**
 * Starts a server that ended by itself again, with backoff and for as long as it takes, since requests go on meanwhile from
 * what routing holds. Rejects with the error when the data folder is lost to another owner or database: to start a server in
 * it would be wrong however often it is tried; and with the signal's reason when that aborts during a try.
 */
export async function keepDatabaseRunning(
  postgres: Pick<EmbeddedPostgres, "crashed" | "restart">,
  { logger, signal, initialWaitMs = 250, steadyMs = 10_000 }: DatabaseKeeping,
): Promise<never> {
  for (;;) {
    const crash = await postgres.crashed;
    signal.throwIfAborted();
    logger.warn(
      { event: "database_crashed", reason: crash.message },
      "the embedded database ended by itself and is started again; requests go on with what routing holds",
    );
    let failures = 0;
    const bringBack = async () => {
      await postgres.restart();
      failures = 0;
      logger.info({ event: "database_back" }, "the embedded database is back");
      await standSteady(postgres.crashed, steadyMs);
    };
    const onFailure = (error: unknown, waitMs: number) => {
      if (error instanceof EmbeddedPostgresError && error.isLost) {
        throw error;
      }
      failures += 1;
      // One line when it begins, then one for about every minute.
      if (failures === 1 || failures % 12 === 0) {
        logger.warn({ reason: String(error), waitMs }, "the embedded database is not back; trying again until it is");
      }
    };
    await retryWithBackoff(bringBack, { signal, onFailure, initialWaitMs });
  }
}

/** Throws what ends the server within this time: one that ends again and again must not be started without a wait. */
async function standSteady(crashed: Promise<Error>, steadyMs: number): Promise<void> {
  const waiting = new AbortController();
  const steady = delay(steadyMs, undefined, { signal: waiting.signal, ref: false }).catch(() => undefined);
  const crash = await Promise.race([crashed, steady]);
  waiting.abort();
  if (crash !== undefined) {
    throw crash;
  }
}
