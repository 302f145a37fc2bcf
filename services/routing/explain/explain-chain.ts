import type { routingV1 } from "#contracts";
import { isBodyFault, scanChatBody } from "#dialects";
import { invalidFields, RpcError } from "#rpc";
import { probabilityOf, resolveChain, skippedTargets } from "../chain/resolve-chain.ts";
import { findEndpoint } from "../gate/gate.ts";
import { invalidBody } from "../inference/prepare-request.ts";
import type { CompiledEndpoint, Snapshot, Target } from "../snapshot/snapshot.ts";

/** Tells the chain that a request would get, and why. Throws `RpcError` when the request is at fault. */
export function explainChain(
  snapshot: Snapshot | undefined,
  request: routingV1.ResolveChainRequest,
  random: () => number,
): routingV1.ResolveChainResponse {
  if (snapshot === undefined) {
    throw new RpcError({
      code: "UNAVAILABLE",
      reason: "CONFIG_UNAVAILABLE",
      message: "This service holds no configuration yet.",
    });
  }
  const endpoint = findEndpoint(snapshot, undefined, request.endpoint);
  const draw = request.draw ?? random();
  if (!(draw >= 0 && draw < 1)) {
    throw invalidFields([{ field: "draw", description: "must be from 0 up to but not 1" }]);
  }
  checkBody(request.body);
  const chain = resolveChain(endpoint, { draw });
  return {
    revision: snapshot.revision,
    rule: chain.rule,
    chain: chain.links.map(({ target, reason }) => toChainTarget(endpoint, target, reason)),
    notes: [],
    skipped: skippedTargets(endpoint, chain).map(({ target, reason }) => toChainTarget(endpoint, target, reason)),
  };
}

function checkBody(bytes: Buffer): void {
  const body = bytes.length === 0 ? undefined : scanChatBody(bytes);
  if (body !== undefined && isBodyFault(body)) {
    throw invalidBody(body.message, body.param);
  }
}

function toChainTarget(endpoint: CompiledEndpoint, target: Target, reason: string): routingV1.ChainTarget {
  const { mappingId, name, label, role } = target;
  return { mappingId, name, target: label, role, probability: probabilityOf(endpoint, target), reason };
}
