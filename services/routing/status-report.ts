import type { routingV1 } from "#contracts";
import type { Service } from "#rpc";
import type { Metric, Readiness } from "#runtime";

/** What `/readyz` and `/metrics` of the routing service tell of the configuration in force. */
export interface StatusReport {
  readReadiness(): Promise<Readiness>;
  readMetrics(): Promise<readonly Metric[]>;
}

/** Makes the report from what RoutingService tells. */
export function createStatusReport(
  routing: Pick<Service<routingV1.RoutingServiceDefinition>, "getConfigStatus">,
): StatusReport {
  return {
    async readReadiness() {
      const { ready, notReadyReason, revision, stale, staleReason, ageMs, file } = await routing.getConfigStatus({});
      return {
        notReadyReason: ready ? undefined : notReadyReason,
        report: {
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
        },
      };
    },
    async readMetrics() {
      const { ready, revision, stale, ageMs } = await routing.getConfigStatus({});
      return [
        gauge("spillway_ready", "Whether requests can be answered, 1 or 0.", Number(ready)),
        gauge("spillway_config_revision", "Revision of the configuration in force.", Number(revision)),
        gauge("spillway_config_age_seconds", "Seconds since the config service was last heard.", Number(ageMs) / 1000),
        gauge("spillway_config_stale", "Whether the configuration may be out of date, 1 or 0.", Number(stale)),
      ];
    },
  };
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, kind: "gauge", help, value };
}
