import type { Target } from "../snapshot/snapshot.ts";

/** A target that may be tried, and why. */
export interface Candidate {
  readonly target: Target;
  /** Why it has its place, for people. */
  readonly reason: string;
  /** Whether it counts in `max_attempts`: it was not drawn, nor chosen by a rule, but comes after those that were. */
  readonly isFallback: boolean;
}

/** A target and its place in a chain. */
export interface ChainLink extends Candidate {
  /** From 0. Whatever is not 0 was reached by fallback. */
  readonly position: number;
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
  /** FALLBACK targets beyond `max_attempts`, in order: each may stand in for one of the chain that could not be called. */
  readonly spare: readonly ChainLink[];
  /**
   * Targets that cannot serve the request, were drained by hand, or stand in the chain already by another mapping. Those that
   * were merely not drawn are not among them.
   */
  readonly skipped: readonly SkippedTarget[];
  /** Expressions that failed on this request. */
  readonly notes: readonly string[];
}
