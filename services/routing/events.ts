import type { Logger } from "#runtime";
import type { ChainEnd } from "./attempts/chain-end.ts";
import type { ChainRun } from "./attempts/chain-run.ts";
import { describeAttempts } from "./attempts/describe-attempts.ts";
import type { HealthListener } from "./health/target-health.ts";
import type { RequestMetrics } from "./telemetry/request-metrics.ts";
import type { RequestOutcome } from "./telemetry/request-span.ts";

/** Where the end of requests is reported. */
export interface RequestLog {
  readonly logger: Logger;
  readonly metrics: RequestMetrics;
  /** Default: only those that failed or took more than one attempt. */
  readonly logsEveryRequest: boolean;
}

/** Reports what became of a request: ends its span, and logs it without any content. */
export function reportRequest(log: RequestLog, run: ChainRun, end: ChainEnd): void {
  const { request, attempts } = run;
  const outcome = toOutcome(end);
  const served = end.kind === "served" ? end.attempt : undefined;
  request.span?.end(outcome, attempts, served);
  const { endpoint, startedAtMs } = request;
  const endedAtMs = run.clock.monotonicMs();
  const failedExpressions = request.chain.notes.length;
  log.metrics.recordRequest({ endpoint, outcome, attempts, failedExpressions, startedAtMs, endedAtMs });
  if (outcome === "served" && attempts.length === 1 && !log.logsEveryRequest) {
    return;
  }
  log.logger.info(
    {
      requestId: request.requestId,
      endpoint: endpoint.name,
      revision: String(request.snapshot.revision),
      outcome,
      durationMs: Math.round(endedAtMs - startedAtMs),
      trail: describeAttempts(attempts),
      ...(request.span === undefined ? {} : { traceId: request.span.traceId }),
    },
    "request",
  );
}

/** Counts and logs every change of a target's health. */
export function reportHealthTo(logger: Logger, metrics: RequestMetrics): HealthListener {
  return (change) => {
    metrics.recordChange(change);
    const { health, from, to } = change;
    const { providerId, model, baseUrl } = health.identity;
    logger.warn({ target: `${providerId}/${model}`, baseUrl, from, to }, "the health of a target changed");
  };
}

function toOutcome(end: ChainEnd): RequestOutcome {
  switch (end.kind) {
    case "served":
      return "served";
    case "exhausted":
    case "faulty":
      return "failed";
    case "broken":
      return "stream_broken";
    case "cancelled":
      return "cancelled";
  }
}
