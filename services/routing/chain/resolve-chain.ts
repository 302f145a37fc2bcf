import type { CompiledEndpoint, Target } from "../snapshot/snapshot.ts";

/** What the chain of one request depends on besides its endpoint. */
export interface RequestFacts {
  /** A random number from 0 up to but not 1; decides every draw of the request. */
  readonly draw: number;
}

/** A target and its place in a chain. */
export interface ChainLink {
  readonly target: Target;
  /** From 0. Whatever is not 0 was reached by fallback. */
  readonly position: number;
  readonly reason: PlaceReason;
}

/** Why a target has its place. */
export type PlaceReason = "first primary" | "drawn by weight" | "redrawn" | "fallback";

/** A target that is not tried, and why. */
export interface SkippedTarget {
  readonly target: Target;
  readonly reason: "not drawn";
}

/** The targets of one request, in the order in which they would be tried. */
export interface Chain {
  /** Name of the rule that chose the mappings; empty when none held. */
  readonly rule: string;
  readonly links: readonly ChainLink[];
}

/**
 * Resolves the chain: one PRIMARY (the first, or drawn by weight), with `redraw` the other ones, then the FALLBACK targets in
 * order. It is never empty while the endpoint has a target, and names none twice.
 */
export function resolveChain(endpoint: CompiledEndpoint, facts: RequestFacts): Chain {
  const links: ChainLink[] = [];
  const { primaries, policy, drawsByWeight } = endpoint;
  if (policy.redraw) {
    placeAllPrimaries(endpoint, facts.draw, links);
  } else if (primaries.length > 0) {
    const index = drawsByWeight ? drawIndex(endpoint.cumulativeWeights, facts.draw) : 0;
    place(links, primaries[index], drawsByWeight ? "drawn by weight" : "first primary");
  }
  for (const target of endpoint.fallbacks) {
    place(links, target, "fallback");
  }
  return { rule: "", links };
}

/** The targets that a chain leaves out, and why. */
export function skippedTargets(endpoint: CompiledEndpoint, chain: Chain): SkippedTarget[] {
  const tried = new Set(chain.links.map((link) => link.target));
  return endpoint.primaries.filter((target) => !tried.has(target)).map((target) => ({ target, reason: "not drawn" }));
}

/** The chance, from 0 to 1, that a request begins with this target. */
export function probabilityOf(endpoint: CompiledEndpoint, target: Target): number {
  const { primaries, cumulativeWeights, drawsByWeight, fallbacks } = endpoint;
  if (primaries.length === 0) {
    return target === fallbacks[0] ? 1 : 0;
  }
  if (!drawsByWeight) {
    return target === primaries[0] ? 1 : 0;
  }
  if (!primaries.includes(target)) {
    return 0;
  }
  const total = cumulativeWeights.at(-1) ?? 0;
  return total > 0 ? target.weight / total : 1 / primaries.length;
}

function place(links: ChainLink[], target: Target | undefined, reason: PlaceReason): void {
  if (target !== undefined) {
    links.push({ target, position: links.length, reason });
  }
}

function placeAllPrimaries(endpoint: CompiledEndpoint, draw: number, links: ChainLink[]): void {
  const left = [...endpoint.primaries];
  let rest = draw;
  while (left.length > 0) {
    const first = links.length === 0;
    if (!endpoint.drawsByWeight) {
      place(links, left.shift(), first ? "first primary" : "redrawn");
      continue;
    }
    const cumulative = toCumulative(left);
    const index = drawIndex(cumulative, rest);
    rest = residue(cumulative, index, rest);
    place(links, left.splice(index, 1)[0], first ? "drawn by weight" : "redrawn");
  }
}

function toCumulative(targets: readonly Target[]): number[] {
  let total = 0;
  return targets.map(({ weight }) => {
    total += weight;
    return total;
  });
}

/** The first index whose share of the sum reaches beyond the draw; weights that sum to 0 are drawn evenly. */
function drawIndex(cumulativeWeights: readonly number[], draw: number): number {
  const last = cumulativeWeights.length - 1;
  const total = cumulativeWeights[last] ?? 0;
  if (total <= 0) {
    return Math.min(last, Math.floor(draw * cumulativeWeights.length));
  }
  const point = draw * total;
  let index = 0;
  while (index < last && isBelow(cumulativeWeights[index] ?? 0, point, total)) {
    index += 1;
  }
  return index;
}

/** The second comparison keeps a point that was rounded up to the total off targets of weight 0 at the end. */
function isBelow(cumulativeWeight: number, point: number, total: number): boolean {
  return cumulativeWeight <= point && cumulativeWeight < total;
}

/** Where within the share of `index` the draw fell, from 0 to 1: as random as the draw was, and independent of the index. */
function residue(cumulativeWeights: readonly number[], index: number, draw: number): number {
  const count = cumulativeWeights.length;
  const total = cumulativeWeights[count - 1] ?? 0;
  const [start, end] =
    total > 0
      ? [(cumulativeWeights[index - 1] ?? 0) / total, (cumulativeWeights[index] ?? 0) / total]
      : [index / count, (index + 1) / count];
  return end > start ? Math.min(1 - Number.EPSILON, Math.max(0, (draw - start) / (end - start))) : 0;
}
