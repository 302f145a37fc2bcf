import { hash, timingSafeEqual } from "node:crypto";
import { formatMetrics, type MetricRegistry, metricsContentType } from "#runtime";
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
  if (token !== undefined && !isToken(exchange.headers.authorization, token)) {
    const message = "The metrics ask for the admin token: give it as `Authorization: Bearer TOKEN`.";
    exchange.failWith(createHttpFailure(401, { message, code: "invalid_admin_token" }));
    return;
  }
  exchange.answer({ status: 200, contentType: metricsContentType, body: Buffer.from(formatMetrics(metrics)) });
}

function isToken(authorization: string | undefined, token: string): boolean {
  const given = /^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "";
  // Hashes have one length, and comparing them tells nothing of where the token differs.
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", token, "buffer"));
}
