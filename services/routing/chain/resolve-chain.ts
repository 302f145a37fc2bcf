import type { ExpressionFacts } from "#conditions";
import type { Availability } from "../health/target-health.ts";
import type { CompiledEndpoint, Target } from "../snapshot/snapshot.ts";
import { type Choice, chooseCandidates } from "./choose-candidates.ts";
import { unfitReason } from "./fitness.ts";
import { drawSticky } from "./sticky-draw.ts";
import { drawIndex, drawOrder, toCumulativeWeights } from "./weighted-draw.ts";

/** What the chain of one request depends on besides its endpoint and the health of its targets. */
export interface ChainFacts {
  /** A random number from 0 up to but not 1; decides every draw of the request. */
  readonly draw: number;
  /** On the monotonic clock. */
  readonly nowMs: number;
  /** What expressions and fitness read; undefined where the endpoint has neither. */
  readonly expressions: ExpressionFacts | undefined;
}

/** A target and its place in a chain. */
export interface ChainLink {
  readonly target: Target;
  /** From 0. Whatever is not 0 was reached by fallback. */
  readonly position: number;
  /** Why it has its place, for people. */
  readonly reason: string;
}

/** A target that is not tried, and why. */
export interface SkippedTarget {
  readonly target: Target;
  readonly reason: string;
}

/** The targets of one request, in the order in which they would be tried. */
export interface Chain {
  /** Name of the rule that chose the mappings; empty when none held. */
  readonly rule: string;
  readonly links: readonly ChainLink[];
  /** Targets that cannot serve the request or were drained by hand; those that were merely not drawn are not among them. */
  readonly skipped: readonly SkippedTarget[];
  /** Expressions that failed on this request. */
  readonly notes: readonly string[];
}

interface Candidate {
  readonly target: Target;
  readonly reason: string;
}

/**
 * Resolves the chain: the first rule that holds chooses the mappings, else all PRIMARY ones; one of them comes first (the
 * first, by weight, or by sticky key), with `redraw` the other ones follow, then the FALLBACK targets in order, cut to
 * `max_attempts`. A target that cannot serve the request is left out; those that are not healthy go behind the others, first
 * the one that is to be left alone for the shortest time.
 * The chain is never empty while the endpoint has a target, and names none twice.
 */
export function resolveChain(endpoint: CompiledEndpoint, facts: ChainFacts): Chain {
  const choice = chooseCandidates(endpoint, facts.expressions);
  const skipped: SkippedTarget[] = [];
  const candidates = placeCandidates(endpoint, choice, facts.draw);
  const fit = facts.expressions === undefined ? candidates : leaveOutUnfit(candidates, facts.expressions, skipped);
  return {
    rule: choice.rule?.name ?? "",
    links: orderByHealth(fit, facts.nowMs, skipped),
    skipped,
    notes: choice.notes,
  };
}

function placeCandidates(endpoint: CompiledEndpoint, choice: Choice, draw: number): Candidate[] {
  const placed: Candidate[] = [];
  const first = firstTarget(endpoint, choice, draw);
  if (first !== undefined) placed.push(first);
  if (endpoint.policy.redraw) {
    for (const target of inRedrawOrder(endpoint, choice.targets, draw)) {
      if (target !== first?.target) placed.push({ target, reason: "redrawn" });
    }
  }
  let fallbacksLeft = endpoint.maxFallbacks;
  for (const target of endpoint.fallbacks) {
    if (fallbacksLeft === 0) break;
    if (choice.rule?.targets.includes(target)) continue;
    placed.push({ target, reason: "fallback" });
    fallbacksLeft -= 1;
  }
  return placed;
}

function firstTarget(endpoint: CompiledEndpoint, choice: Choice, draw: number): Candidate | undefined {
  const { targets, stickyKey } = choice;
  if (targets.length === 0) return undefined;
  const byRule = choice.rule === undefined ? "" : ` by rule ${choice.rule.name}`;
  if (!endpoint.drawsByWeight)
    return candidateAt(targets, 0, choice.rule === undefined ? "first primary" : `first${byRule}`);
  if (stickyKey !== undefined) {
    return candidateAt(targets, drawSticky(stickyKey, targets.map(toWeightedEntry)), `drawn by sticky key${byRule}`);
  }
  const cumulative = choice.rule === undefined ? endpoint.cumulativeWeights : toCumulativeWeights(targets);
  return candidateAt(targets, drawIndex(cumulative, draw), `drawn by weight${byRule}`);
}

function candidateAt(targets: readonly Target[], index: number, reason: string): Candidate | undefined {
  const target = targets[index];
  return target === undefined ? undefined : { target, reason };
}

function toWeightedEntry({ mappingId, weight }: Target): { id: string; weight: number } {
  return { id: mappingId, weight };
}

function inRedrawOrder(endpoint: CompiledEndpoint, targets: readonly Target[], draw: number): readonly Target[] {
  return endpoint.drawsByWeight ? drawOrder(targets, draw) : targets;
}

function leaveOutUnfit(
  candidates: Candidate[],
  { request }: ExpressionFacts,
  skipped: SkippedTarget[],
): readonly Candidate[] {
  const fit: Candidate[] = [];
  for (const candidate of candidates) {
    const reason = unfitReason(candidate.target, { stream: request.stream, body: request.bodyFacts });
    if (reason === undefined) fit.push(candidate);
    else skipped.push({ target: candidate.target, reason });
  }
  if (fit.length > 0) return fit;
  // A gateway never refuses because of its own bookkeeping: the estimate may be wrong, and the provider knows better.
  skipped.length = 0;
  return candidates.map(({ target, reason }) => ({ target, reason: `${reason}, though none fits` }));
}

/** A candidate that is not available. */
interface Unwell {
  readonly candidate: Candidate;
  readonly availability: Availability;
  readonly restMs: number;
}

/** Healthy targets first, then the least bad of the others; drained ones only when there is nothing else. */
function orderByHealth(candidates: readonly Candidate[], nowMs: number, skipped: SkippedTarget[]): ChainLink[] {
  const links: ChainLink[] = [];
  let behind: Unwell[] | undefined;
  for (const candidate of candidates) {
    const { health, breaker } = candidate.target;
    const availability = health.availability(breaker, nowMs);
    if (availability === "available") {
      links.push({ target: candidate.target, position: links.length, reason: candidate.reason });
    } else {
      behind ??= [];
      behind.push({ candidate, availability, restMs: health.restMs(breaker, nowMs) });
    }
  }
  if (behind !== undefined) appendUnwell(links, behind, skipped);
  return links;
}

function appendUnwell(links: ChainLink[], behind: readonly Unwell[], skipped: SkippedTarget[]): void {
  const isAllDrained = links.length === 0 && behind.every(({ availability }) => availability === "drained");
  for (const { candidate, availability } of behind.toSorted(byRest)) {
    const { target, reason } = candidate;
    if (availability === "drained" && !isAllDrained) skipped.push({ target, reason: "drained by hand" });
    else links.push({ target, position: links.length, reason: `${reason}, put behind: ${availability}` });
  }
}

/** The sort is stable: those that are as bad as each other keep their order. */
function byRest(one: Unwell, other: Unwell): number {
  return one.restMs === other.restMs ? 0 : one.restMs - other.restMs;
}
