import type { GetConfigStatusResponse } from "./gen/spillway/routing/v1/routing_service.ts";

/** The members of a `/readyz` answer that tell of the configuration in force: `revision`, `stale`, `age_ms`, `file`. */
export type ConfigStatusReport = Readonly<Record<string, unknown>>;

/** What `/readyz` of edge and of routing show of it. Reasons and errors are there only where there is one. */
export function toConfigStatusReport(status: GetConfigStatusResponse): ConfigStatusReport {
  const { revision, stale, staleReason, ageMs, file } = status;
  return {
    revision: Number(revision),
    stale,
    ...(stale && { stale_reason: staleReason }),
    age_ms: Number(ageMs),
    ...(file !== undefined && {
      file: {
        source: file.source,
        revision: Number(file.revision),
        ...(file.error !== "" && { error: file.error }),
      },
    }),
  };
}
