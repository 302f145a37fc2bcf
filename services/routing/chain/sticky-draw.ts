import { hash } from "node:crypto";

/** What a sticky draw chooses among. Weights are finite and not negative. */
export interface WeightedEntry {
  /** Stays the same for as long as the entry lives. */
  readonly id: string;
  readonly weight: number;
}

/**
 * Chooses one entry for a key by weighted rendezvous hashing: the highest of `-weight / ln(h)`, where `h` in (0, 1) comes
 * from SHA-256 of key and id (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005). A key keeps its
 * entry while that entry lives; when one goes, only its own keys move. Where all weights are 0 they count as equal.
 * Returns the index, or -1 when there are no entries.
 */
export function drawSticky(key: string, entries: readonly WeightedEntry[]): number {
  const areAllZero = entries.every(({ weight }) => weight === 0);
  let best = -1;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [index, { id, weight }] of entries.entries()) {
    const share = areAllZero ? 1 : weight;
    if (share === 0) {
      continue;
    }
    const score = -share / Math.log(unitInterval(key, id));
    if (score > bestScore) {
      best = index;
      bestScore = score;
    }
  }
  return best;
}

function unitInterval(key: string, id: string): number {
  const digest = hash("sha256", `${key.length}:${key}${id}`, "buffer");
  // 52 bits fill a double's mantissa; the half keeps 0 and 1 out of the interval.
  const high = digest.readUInt32BE(0) * 2 ** 20;
  return (high + (digest.readUInt32BE(4) >>> 12) + 0.5) / 2 ** 52;
}
