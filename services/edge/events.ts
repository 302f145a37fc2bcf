import type { Logger } from "#runtime";
import type { EdgeMetrics } from "./edge-metrics.ts";

/** How an HTTP request ended. */
export interface RequestFinished {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  /** Status that was sent; 499 when the caller left before one was. */
  readonly status: number;
  readonly durationMs: number;
  readonly endpoint: string | undefined;
  readonly traceId: string | undefined;
  /** Whether the caller left before the answer was complete. */
  readonly callerLeft: boolean;
  /** What broke after the status was sent; undefined when nothing did. */
  readonly failure: string | undefined;
}

/** Everything that the edge reports of itself. */
export interface EdgeEvents {
  requestFinished(finished: RequestFinished): void;
  requestFaulted(requestId: string, error: unknown): void;
  readinessFailed(reason: string): void;
  draining(graceMs: number): void;
  drained(cutOff: number): void;
}

/** The log lines of the edge, and its count of requests. Requests are told at debug, at info when the edge answered 5xx or a stream broke. */
export function createEdgeEvents(logger: Logger, metrics: EdgeMetrics): EdgeEvents {
  return {
    requestFinished(finished) {
      metrics.record(finished);
      if (finished.status >= 500 || finished.failure !== undefined) {
        logger.info(finished, "request failed");
      } else {
        logger.debug(finished, "request finished");
      }
    },
    requestFaulted: (requestId, error) => logger.error({ requestId, error }, "a fault of the edge itself"),
    readinessFailed: (reason) => logger.warn({ reason }, "not ready"),
    draining: (graceMs) => logger.info({ graceMs }, "edge is draining"),
    drained: (cutOff) => logger.info({ cutOff }, "edge has drained"),
  };
}
