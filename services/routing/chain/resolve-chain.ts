import type { ExpressionFacts } from "#conditions";
import { toCumulativeWeights } from "../snapshot/cumulative-weights.ts";
import type { CompiledEndpoint, Target } from "../snapshot/snapshot.ts";
import type { Candidate, Chain, ChainLink, SkippedTarget } from "./chain.ts";
import { type Choice, chooseCandidates } from "./choose-candidates.ts";
import { unfitReason } from "./fitness.ts";
import { drainedReason, orderByHealth } from "./order-by-health.ts";
import { drawSticky } from "./sticky-draw.ts";
import { inService } from "./targets-in-service.ts";
import { drawIndex, drawOrder } from "./weighted-draw.ts";

/** What the chain of one request depends on besides its endpoint and the health of its targets. */
export interface ChainFacts {
  /** A random number from 0 up to but not 1; decides every draw of the request. */
  readonly draw: number;
  /** On the monotonic clock. */
  readonly nowMs: number;
  /** What expressions and fitness read; undefined where the endpoint has neither. */
  readonly expressions: ExpressionFacts | undefined;
}

/**
 * Resolves the chain: the first rule that holds chooses the mappings, else all PRIMARY ones; one of them comes first (the
 * first, by weight, or by sticky key), with `redraw` the other ones follow, then the FALLBACK targets in order. A target that
 * cannot serve the request is left out; those that are not healthy go behind the others, first the one that is to be left
 * alone for the shortest time. Of the FALLBACK targets that are left as many stay as `max_attempts` allows. The chain is
 * never empty while the endpoint has a target, and calls none under two names.
 */
export function resolveChain(endpoint: CompiledEndpoint, facts: ChainFacts): Chain {
  const choice = chooseCandidates(endpoint, facts.expressions);
  const skipped: SkippedTarget[] = [];
  const candidates = placeCandidates(endpoint, { choice, draw: facts.draw }, skipped);
  const fit = facts.expressions === undefined ? candidates : leaveOutUnfit(candidates, facts.expressions, skipped);
  const ordered = orderByHealth(leaveOutTwins(fit, skipped), facts.nowMs, skipped);
  const [links, spare] = cutFallbacks(ordered, endpoint.maxFallbacks);
  return { rule: choice.rule?.name ?? "", links, spare, skipped, notes: choice.notes };
}

/** Everything that may be tried, as if all were healthy. */
function placeCandidates(
  endpoint: CompiledEndpoint,
  { choice, draw }: { readonly choice: Choice; readonly draw: number },
  skipped: SkippedTarget[],
): readonly Candidate[] {
  const targets = inService(choice.targets);
  if (targets !== choice.targets) {
    for (const target of choice.targets) {
      if (!targets.includes(target)) {
        skipped.push({ target, reason: drainedReason });
      }
    }
  }
  const placed: Candidate[] = [];
  const place = (candidate: Candidate) => {
    if (!placed.some(({ target }) => target === candidate.target)) {
      placed.push(candidate);
    }
  };
  const first = firstCandidate(endpoint, { choice, targets, draw });
  if (first !== undefined) {
    place(first);
  }
  if (endpoint.policy.redraw) {
    for (const target of inRedrawOrder(endpoint, targets, draw)) {
      place({ target, reason: "redrawn", isFallback: false });
    }
  }
  for (const target of endpoint.fallbacks) {
    if (choice.rule === undefined || !choice.rule.targets.includes(target)) {
      place({ target, reason: "fallback", isFallback: true });
    }
  }
  return placed;
}

/** Of those with the same provider, model, address and secret the first: whatever it did, the others would do. */
function leaveOutTwins(candidates: readonly Candidate[], skipped: SkippedTarget[]): readonly Candidate[] {
  return candidates.filter(({ target }, index) => {
    const twin = candidates.findIndex((other) => other.target.health === target.health);
    if (twin < index) {
      skipped.push({ target, reason: `the same target as ${candidates[twin]?.target.name} before it` });
    }
    return twin === index;
  });
}

function firstCandidate(
  endpoint: CompiledEndpoint,
  { choice, targets, draw }: { readonly choice: Choice; readonly targets: readonly Target[]; readonly draw: number },
): Candidate | undefined {
  const byRule = choice.rule === undefined ? "" : ` by rule ${choice.rule.name}`;
  if (!endpoint.drawsByWeight) {
    return candidateAt(targets, 0, byRule === "" ? "first primary" : `first${byRule}`);
  }
  if (choice.stickyKey !== undefined) {
    const index = drawSticky(choice.stickyKey, targets.map(toWeightedEntry));
    return candidateAt(targets, index, `drawn by sticky key${byRule}`);
  }
  const cumulative = targets === endpoint.primaries ? endpoint.cumulativeWeights : toCumulativeWeights(targets);
  return candidateAt(targets, drawIndex(cumulative, draw), `drawn by weight${byRule}`);
}

function candidateAt(targets: readonly Target[], index: number, reason: string): Candidate | undefined {
  const target = targets[index];
  return target === undefined ? undefined : { target, reason, isFallback: false };
}

function toWeightedEntry({ mappingId, weight }: Target): { id: string; weight: number } {
  return { id: mappingId, weight };
}

function inRedrawOrder(endpoint: CompiledEndpoint, targets: readonly Target[], draw: number): readonly Target[] {
  return endpoint.drawsByWeight ? drawOrder(targets, draw) : targets;
}

function leaveOutUnfit(
  candidates: readonly Candidate[],
  { request }: ExpressionFacts,
  skipped: SkippedTarget[],
): readonly Candidate[] {
  const fit: Candidate[] = [];
  const unfit: SkippedTarget[] = [];
  for (const candidate of candidates) {
    const reason = unfitReason(candidate.target, { stream: request.stream, body: request.bodyFacts });
    if (reason === undefined) {
      fit.push(candidate);
    } else {
      unfit.push({ target: candidate.target, reason });
    }
  }
  if (fit.length > 0) {
    skipped.push(...unfit);
    return fit;
  }
  // A gateway never refuses because of its own bookkeeping: the estimate may be wrong, and the provider knows better.
  return candidates.map((candidate) => ({ ...candidate, reason: `${candidate.reason}, though none fits` }));
}

/** What `max_attempts` leaves of a chain, and the FALLBACK targets beyond it. */
function cutFallbacks(
  ordered: readonly ChainLink[],
  maxFallbacks: number,
): readonly [links: readonly ChainLink[], spare: readonly ChainLink[]] {
  let fallbacks = 0;
  for (const { isFallback } of ordered) {
    fallbacks += isFallback ? 1 : 0;
  }
  if (fallbacks <= maxFallbacks) {
    return [ordered, noLinks];
  }
  const links: ChainLink[] = [];
  const beyond: ChainLink[] = [];
  let kept = 0;
  for (const link of ordered) {
    const isKept = !link.isFallback || kept < maxFallbacks;
    kept += isKept && link.isFallback ? 1 : 0;
    if (isKept) {
      links.push({ ...link, position: links.length });
    } else {
      beyond.push(link);
    }
  }
  return [links, beyond.map((link, index) => ({ ...link, position: links.length + index }))];
}

const noLinks: readonly ChainLink[] = Object.freeze([]);
