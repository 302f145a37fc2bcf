import { toCumulativeWeights } from "../snapshot/cumulative-weights.ts";
import type { CompiledEndpoint, Target } from "../snapshot/snapshot.ts";
import type { Chain, SkippedTarget } from "./chain.ts";
import { inService } from "./targets-in-service.ts";

/** All targets of the endpoint that a chain leaves out, and why. */
export function skippedTargets(endpoint: CompiledEndpoint, chain: Chain): readonly SkippedTarget[] {
  const told = new Set([...chain.links, ...chain.skipped].map(({ target }) => target));
  const skipped = [...chain.skipped];
  const drawnFrom = targetsOfDraw(endpoint, chain);
  for (const target of [...endpoint.primaries, ...endpoint.fallbacks]) {
    if (!told.has(target)) {
      skipped.push({ target, reason: missingReason(endpoint, drawnFrom, target) });
    }
  }
  return skipped;
}

function missingReason(endpoint: CompiledEndpoint, drawnFrom: readonly Target[], target: Target): string {
  if (drawnFrom.includes(target)) {
    return "not drawn";
  }
  return endpoint.primaries.includes(target) ? "not named by the rule" : "beyond max_attempts";
}

function targetsOfDraw(endpoint: CompiledEndpoint, chain: Chain): readonly Target[] {
  return inService(endpoint.rules.find(({ name }) => name === chain.rule)?.targets ?? endpoint.primaries);
}

/**
 * The chance, from 0 to 1, that the draw of a request like this one chooses this target, whatever its health; drained ones
 * have none while another is left. The rule that held is named by the chain.
 */
export function chanceOf(endpoint: CompiledEndpoint, chain: Chain, target: Target): number {
  const targets = targetsOfDraw(endpoint, chain);
  if (!targets.includes(target)) {
    return 0;
  }
  if (!endpoint.drawsByWeight) {
    return target === targets[0] ? 1 : 0;
  }
  const total = toCumulativeWeights(targets).at(-1) ?? 0;
  return total > 0 ? target.weight / total : 1 / targets.length;
}
