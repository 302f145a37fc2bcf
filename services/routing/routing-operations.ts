import type { routingV1 } from "#contracts";
import type { Service } from "#rpc";
import type { Clock } from "./clock.ts";
import { explainChain } from "./explain/explain-chain.ts";
import { requireToken } from "./gate/require-token.ts";
import type { ProberSet } from "./probes/prober-set.ts";
import type { ConfigState } from "./snapshot/config-state.ts";
import { listTargetHealth, setTargetState } from "./targets/target-operations.ts";

/** What RoutingService looks into. */
export interface RoutingOperationsHost {
  readonly state: ConfigState;
  readonly clock: Clock;
  readonly random: () => number;
  readonly probers: ProberSet;
  /** Asked for by every method but `getConfigStatus`; undefined: not asked for. */
  readonly adminToken: string | undefined;
}

/** The methods of RoutingService. */
export function createRoutingOperations(host: RoutingOperationsHost): Service<routingV1.RoutingServiceDefinition> {
  const { state, clock, random, probers, adminToken } = host;
  const targets = { clock, probers, currentSnapshot: () => state.snapshot };
  return {
    resolveChain: async (request, context) => {
      requireToken(adminToken, context);
      return explainChain({ snapshot: state.snapshot, random, nowMs: clock.monotonicMs() }, request);
    },
    getConfigStatus: async () => state.status(),
    listTargetHealth: async (request, context) => {
      requireToken(adminToken, context);
      return listTargetHealth(targets, request);
    },
    setTargetState: async (request, context) => {
      requireToken(adminToken, context);
      return setTargetState(targets, request);
    },
  };
}
