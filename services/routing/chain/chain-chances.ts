import type { CompiledEndpoint, Target } from "../snapshot/snapshot.ts";
import type { Chain, SkippedTarget } from "./resolve-chain.ts";
import { toCumulativeWeights } from "./weighted-draw.ts";

/** All targets of the endpoint that a chain leaves out, and why. */
export function skippedTargets(endpoint: CompiledEndpoint, chain: Chain): readonly SkippedTarget[] {
  const told = new Set([...chain.links, ...chain.skipped].map(({ target }) => target));
  const skipped = [...chain.skipped];
  for (const target of endpoint.primaries) if (!told.has(target)) skipped.push({ target, reason: "not drawn" });
  for (const target of endpoint.fallbacks)
    if (!told.has(target)) skipped.push({ target, reason: "beyond max_attempts" });
  return skipped;
}

/**
 * The chance, from 0 to 1, that the draw of a request like this one chooses this target, whatever its health. The rule
 * that held is named by the chain.
 */
export function chanceOf(endpoint: CompiledEndpoint, chain: Chain, target: Target): number {
  const targets = endpoint.rules.find(({ name }) => name === chain.rule)?.targets ?? endpoint.primaries;
  if (!targets.includes(target)) return 0;
  if (!endpoint.drawsByWeight) return target === targets[0] ? 1 : 0;
  const total = toCumulativeWeights(targets).at(-1) ?? 0;
  return total > 0 ? target.weight / total : 1 / targets.length;
}
