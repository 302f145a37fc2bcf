import { formatMetrics, type MetricRegistry, metricsContentType } from "#runtime";
import { isSameToken, readBearerToken } from "#secrets";
import type { Exchange } from "../exchange.ts";
import { createHttpFailure } from "../http-failure.ts";

/** What `GET /metrics` is made from. */
export interface MetricsSource {
  readonly metrics: MetricRegistry;
  /** Asked for as `Authorization: Bearer TOKEN` where it is set. */
  readonly token: string | undefined;
}

/** Answers `GET /metrics` with Prometheus text, or with 401 to whoever does not show the token. */
export function answerMetrics({ metrics, token }: MetricsSource, exchange: Exchange): void {
  const given = readBearerToken(exchange.headers.authorization);
  if (token !== undefined && (given === undefined || !isSameToken(given, token))) {
    const message = "The metrics ask for the admin token: give it as `Authorization: Bearer TOKEN`.";
    exchange.failWith(createHttpFailure(401, { message, code: "invalid_admin_token" }));
    return;
  }
  try {
    exchange.answer({ status: 200, contentType: metricsContentType, body: Buffer.from(formatMetrics(metrics)) });
  } catch (thrown) {
    exchange.fail(thrown);
  }
}
