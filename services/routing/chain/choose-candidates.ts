import type { ExpressionFacts } from "#conditions";
import type { EndpointRule } from "../snapshot/endpoint-rule.ts";
import type { CompiledEndpoint, Target } from "../snapshot/snapshot.ts";

/** The targets that a request may begin with, and what decided. */
export interface Choice {
  /** The rule that held; undefined when none did. */
  readonly rule: EndpointRule<Target> | undefined;
  readonly targets: readonly Target[];
  /** Undefined: the draw is random. */
  readonly stickyKey: string | undefined;
  /** Expressions that failed on this request. */
  readonly notes: readonly string[];
}

const noNotes: readonly string[] = Object.freeze([]);

/** Evaluates the rules in order and the sticky key. An expression that fails reads as false, as a sticky key as none. */
export function chooseCandidates(endpoint: CompiledEndpoint, facts: ExpressionFacts | undefined): Choice {
  if (facts === undefined || (endpoint.rules.length === 0 && endpoint.stickyKey === undefined)) {
    return { rule: undefined, targets: endpoint.primaries, stickyKey: undefined, notes: noNotes };
  }
  const notes: string[] = [];
  const rule = firstRule(endpoint.rules, facts, notes);
  return {
    rule,
    targets: rule?.targets ?? endpoint.primaries,
    stickyKey: endpoint.drawsByWeight ? stickyKeyOf(endpoint, facts, notes) : undefined,
    notes,
  };
}

function firstRule(
  rules: readonly EndpointRule<Target>[],
  facts: ExpressionFacts,
  notes: string[],
): EndpointRule<Target> | undefined {
  for (const rule of rules) {
    const outcome = rule.when(facts);
    if (!outcome.ok) {
      notes.push(`rule ${rule.name}: ${outcome.error}`);
    } else if (outcome.value) {
      return rule;
    }
  }
  return undefined;
}

function stickyKeyOf(endpoint: CompiledEndpoint, facts: ExpressionFacts, notes: string[]): string | undefined {
  const outcome = endpoint.stickyKey?.(facts);
  if (outcome === undefined || outcome.ok) {
    return outcome?.value;
  }
  notes.push(`sticky key: ${outcome.error}`);
  return undefined;
}
