import type { Logger } from "#runtime";
import { describeAttempts } from "./attempts/describe-attempts.ts";
import type { ChainEnd, ChainRun } from "./attempts/run-chain.ts";
import type { HealthListener } from "./health/target-health.ts";
import type { RequestOutcome } from "./telemetry/request-span.ts";

/** Which requests are logged at info. */
export interface RequestLog {
  readonly logger: Logger;
  /** Default: only those that failed or took more than one attempt. */
  readonly logsEveryRequest: boolean;
}

/** Reports what became of a request: ends its span, and logs it without any content. */
export function reportRequest(log: RequestLog, run: ChainRun, end: ChainEnd): void {
  const { request, attempts } = run;
  const outcome = toOutcome(end);
  const served = end.kind === "served" ? end.attempt : undefined;
  request.span?.end(outcome, attempts, served);
  if (outcome === "served" && attempts.length === 1 && !log.logsEveryRequest) {
    return;
  }
  log.logger.info(
    {
      endpoint: request.endpoint.name,
      revision: String(request.snapshot.revision),
      outcome,
      durationMs: Math.round(run.clock.monotonicMs() - request.startedAtMs),
      trail: describeAttempts(attempts),
      ...(request.span === undefined ? {} : { traceId: request.span.traceId }),
    },
    "request",
  );
}

/** Logs every change of a target's health. */
export function reportHealthTo(logger: Logger): HealthListener {
  return ({ health, from, to }) => {
    const { providerId, model, baseUrl } = health.identity;
    logger.warn({ target: `${providerId}/${model}`, baseUrl, from, to }, "the health of a target changed");
  };
}

function toOutcome(end: ChainEnd): RequestOutcome {
  switch (end.kind) {
    case "served":
      return "served";
    case "exhausted":
      return "failed";
    case "broken":
      return "stream_broken";
    case "cancelled":
      return "cancelled";
  }
}
