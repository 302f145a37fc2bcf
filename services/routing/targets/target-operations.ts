import { routingV1 } from "#contracts";
import { invalidFields, RpcError } from "#rpc";
import type { Clock } from "../clock.ts";
import type { ProberSet } from "../probes/prober-set.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { describeTarget } from "./describe-target.ts";
import { type KnownTarget, knownTargets } from "./known-targets.ts";

/** What is asked for the targets and their health. */
export interface TargetHost {
  readonly clock: Clock;
  readonly probers: Pick<ProberSet, "reportOf">;
  /** Undefined while there is no configuration: then there are no targets. */
  currentSnapshot(): Snapshot | undefined;
}

const mostTargetsOfPage = 1000;

/** Lists targets in the order of their ids. Throws INVALID_ARGUMENT for a negative page size. */
export function listTargetHealth(
  host: TargetHost,
  { pageSize, pageToken }: routingV1.ListTargetHealthRequest,
): routingV1.ListTargetHealthResponse {
  if (pageSize < 0) {
    throw invalidFields([{ field: "page_size", description: "must not be negative" }]);
  }
  const all = [...allTargets(host).values()].filter(({ health }) => health.id > pageToken);
  const size = pageSize === 0 ? mostTargetsOfPage : Math.min(pageSize, mostTargetsOfPage);
  const page = all.slice(0, size);
  return {
    targets: page.map((target) => describe(host, target)),
    nextPageToken: all.length > size ? (page.at(-1)?.health.id ?? "") : "",
  };
}

/** Drains a target or takes it back into service. Throws NOT_FOUND for an id that no target has. */
export function setTargetState(
  host: TargetHost,
  { targetId, state }: routingV1.SetTargetStateRequest,
): routingV1.SetTargetStateResponse {
  const { DRAINED, ENABLED } = routingV1.TargetState;
  if (state !== DRAINED && state !== ENABLED) {
    throw invalidFields([{ field: "state", description: "must be TARGET_STATE_DRAINED or TARGET_STATE_ENABLED" }]);
  }
  const target = allTargets(host).get(targetId);
  if (target === undefined) {
    throw new RpcError({
      code: "NOT_FOUND",
      reason: "RESOURCE_NOT_FOUND",
      message: `No target has the id ${targetId}.`,
      metadata: { resource_type: "target", resource_name: targetId },
    });
  }
  target.health.setDrained(state === DRAINED);
  return { target: describe(host, target) };
}

function allTargets(host: TargetHost): ReadonlyMap<string, KnownTarget> {
  const snapshot = host.currentSnapshot();
  return snapshot === undefined ? new Map() : knownTargets(snapshot);
}

function describe({ probers, clock }: TargetHost, target: KnownTarget): routingV1.TargetHealth {
  return describeTarget(target, probers.reportOf(target.health), clock.monotonicMs());
}
