import { inferenceV1, type routingV1 } from "#contracts";
import { type ChatBody, isBodyFault, scanChatBody } from "#dialects";
import { invalidFields } from "#rpc";
import type { Chain } from "../chain/chain.ts";
import { chanceOf, skippedTargets } from "../chain/chain-chances.ts";
import { toExpressionFacts } from "../chain/expression-facts.ts";
import { resolveChain } from "../chain/resolve-chain.ts";
import { findEndpoint } from "../gate/gate.ts";
import { configUnavailable, invalidBody } from "../request-errors.ts";
import type { CompiledEndpoint, Snapshot, Target } from "../snapshot/snapshot.ts";

/** What an explanation depends on besides the request. */
export interface ExplainHost {
  /** Undefined while there is no configuration. */
  readonly snapshot: Snapshot | undefined;
  readonly random: () => number;
  /** On the monotonic clock. */
  readonly nowMs: number;
}

/** Tells the chain that a request would get, and why. Throws `RpcError` when the request is at fault. */
export function explainChain(
  { snapshot, random, nowMs }: ExplainHost,
  request: routingV1.ResolveChainRequest,
): routingV1.ResolveChainResponse {
  if (snapshot === undefined) {
    throw configUnavailable();
  }
  const endpoint = findEndpoint(snapshot, undefined, request.endpoint);
  const draw = request.draw ?? random();
  if (!(draw >= 0 && draw < 1)) {
    throw invalidFields([{ field: "draw", description: "must be from 0 up to but not 1" }]);
  }
  const body = readBody(request.body);
  const { headers } = request;
  const dialect = request.dialect || inferenceV1.Dialect.OPENAI_CHAT;
  const expressions = toExpressionFacts(endpoint.name, undefined, { dialect, headers, stream: body.stream, body });
  const chain = resolveChain(endpoint, { draw, nowMs, expressions });
  const describe = ({ target, reason }: { readonly target: Target; readonly reason: string }) =>
    toChainTarget(endpoint, chain, { target, reason });
  return {
    revision: snapshot.revision,
    rule: chain.rule,
    chain: chain.links.map(describe),
    skipped: skippedTargets(endpoint, chain).map(describe),
    notes: [...chain.notes],
  };
}

const emptyRequest = Buffer.from('{"model":"-","messages":[{"role":"user","content":""}]}');

function readBody(bytes: Buffer): ChatBody {
  const body = scanChatBody(bytes.length === 0 ? emptyRequest : bytes);
  if (isBodyFault(body)) {
    throw invalidBody(body.message, body.param);
  }
  return body;
}

function toChainTarget(
  endpoint: CompiledEndpoint,
  chain: Chain,
  { target, reason }: { readonly target: Target; readonly reason: string },
): routingV1.ChainTarget {
  const { mappingId, name, label, role } = target;
  return { mappingId, name, target: label, role, probability: chanceOf(endpoint, chain, target), reason };
}
