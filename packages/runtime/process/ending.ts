import { constants } from "node:os";
import type { ProcessLogger } from "../log/logger.ts";
import type { ShutdownSequence } from "./shutdown.ts";

/** What the end of a program needs. */
export interface EndingOptions {
  readonly shutdown: ShutdownSequence;
  readonly logger: ProcessLogger;
  readonly graceMs: number;
}

const lingerMs = 500;
// Ctrl-C under npm comes twice: the terminal sends it to the whole group, and npm hands it on once more.
const echoMs = 500;

/**
 * Makes the function that ends this process with an exit code: the first call runs the shutdown, a signal more than half a
 * second after that ends the process at once. Force is used where the event loop does not empty by itself, and what kept it is named.
 */
export function createEnding({
  shutdown,
  logger,
  graceMs,
}: EndingOptions): (code: number, signal?: NodeJS.Signals) => void {
  let endingSinceMs: number | undefined;
  return (code, signal) => {
    const nowMs = performance.now();
    if (endingSinceMs !== undefined) {
      if (signal !== undefined && nowMs - endingSinceMs > echoMs) {
        forceExit(128 + constants.signals[signal]);
      }
      return;
    }
    endingSinceMs = nowMs;
    process.exitCode = code;
    logger.info({ ...(signal === undefined ? {} : { signal }), graceMs, event: "stopping" }, "stopping");
    void shutdown.run(graceMs, logger).then(({ overdue }) => {
      logger.info({ event: "stopped" }, "stopped");
      if (overdue.length > 0) {
        forceExit(1);
      } else {
        setTimeout(reportLingering, lingerMs).unref();
      }
    });
  };

  function reportLingering(): void {
    logger.warn({ resources: process.getActiveResourcesInfo() }, "something did not close; ending by force");
    forceExit(Number(process.exitCode ?? 1));
  }

  function forceExit(code: number): void {
    logger.flush();
    process.exit(code);
  }
}
