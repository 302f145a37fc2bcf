import type { Availability } from "../health/target-health.ts";
import type { Candidate, ChainLink, SkippedTarget } from "./chain.ts";

/** A candidate that is not available. */
interface Unwell {
  readonly candidate: Candidate;
  readonly availability: Availability;
  readonly restMs: number;
}

/**
 * Healthy targets first, then the least bad of the others: the one that is to be left alone for the shortest time. Drained
 * ones are added to `skipped`, unless there is nothing else.
 */
export function orderByHealth(candidates: readonly Candidate[], nowMs: number, skipped: SkippedTarget[]): ChainLink[] {
  const links: ChainLink[] = [];
  let behind: Unwell[] | undefined;
  for (const candidate of candidates) {
    const { health, breaker } = candidate.target;
    const availability = health.availability(breaker, nowMs);
    if (availability === "available") {
      links.push(toLink(candidate, links.length, candidate.reason));
    } else {
      behind ??= [];
      behind.push({ candidate, availability, restMs: health.restMs(breaker, nowMs) });
    }
  }
  if (behind !== undefined) {
    appendUnwell(links, behind, skipped);
  }
  return links;
}

function appendUnwell(links: ChainLink[], behind: readonly Unwell[], skipped: SkippedTarget[]): void {
  const isAllDrained = links.length === 0 && behind.every(({ availability }) => availability === "drained");
  for (const { candidate, availability } of behind.toSorted(byRest)) {
    const { target, reason } = candidate;
    if (availability === "drained" && !isAllDrained) {
      skipped.push({ target, reason: drainedReason });
    } else {
      links.push(toLink(candidate, links.length, `${reason}, put behind: ${availability}`));
    }
  }
}

function toLink({ target, isFallback }: Candidate, position: number, reason: string): ChainLink {
  return { target, position, reason, isFallback };
}

/** Why a drained target is skipped, for people. */
export const drainedReason = "drained by hand";

/** The sort is stable: those that are as bad as each other keep their order. */
function byRest(one: Unwell, other: Unwell): number {
  return one.restMs === other.restMs ? 0 : one.restMs - other.restMs;
}
