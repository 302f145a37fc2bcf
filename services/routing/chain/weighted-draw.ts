import { toCumulativeWeights } from "../snapshot/cumulative-weights.ts";

/**
 * The first index whose share of the sum reaches beyond the draw, a number from 0 up to but not 1. Weights that sum to 0
 * are drawn evenly. `cumulativeWeights` has the sum of all weights up to and with each.
 */
export function drawIndex(cumulativeWeights: readonly number[], draw: number): number {
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

/** All entries in random order by weight, drawn one after another from a single random number. */
export function drawOrder<Entry extends { readonly weight: number }>(entries: readonly Entry[], draw: number): Entry[] {
  const left = [...entries];
  const order: Entry[] = [];
  let rest = draw;
  while (left.length > 0) {
    const cumulative = toCumulativeWeights(left);
    const index = drawIndex(cumulative, rest);
    rest = residue(cumulative, index, rest);
    order.push(...left.splice(index, 1));
  }
  return order;
}

/** The second comparison keeps a point that was rounded up to the total off entries of weight 0 at the end. */
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
