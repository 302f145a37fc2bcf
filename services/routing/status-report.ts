import type { routingV1 } from "#contracts";
import type { Service } from "#rpc";
import type { Readiness } from "#runtime";

/** What `/readyz` of the routing service tells of the configuration in force. */
export interface StatusReport {
  readReadiness(): Promise<Readiness>;
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
  };
}
