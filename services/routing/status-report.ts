import { type routingV1, toConfigStatusReport } from "#contracts";
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
      const status = await routing.getConfigStatus({});
      return {
        notReadyReason: status.ready ? undefined : status.notReadyReason,
        report: toConfigStatusReport(status),
      };
    },
  };
}
