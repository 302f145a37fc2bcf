import type { ASTNode } from "@marcbachmann/cel-js";
import { ExpressionError } from "./expression-error.ts";

const comprehensions: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);

/** Name of the function, linear in time, that stands in for `matches`. No expression may call it by itself. */
export const linearMatcher = "linear_time_matches";

/**
 * Refuses what could make an evaluation slow: comprehensions inside comprehensions, and patterns that are not literals.
 * Renames `matches` to the linear-time matcher, in place, and returns the patterns that it is called with.
 */
export function checkCost(root: ASTNode): readonly string[] {
  const patterns: string[] = [];
  visit(root, 0);
  return patterns;

  function visit(node: ASTNode, comprehensionDepth: number): void {
    let depth = comprehensionDepth;
    if (node.op === "rcall") {
      const [name, , parameters] = node.args;
      if (name === "matches") {
        patterns.push(literalPattern(node, parameters));
        (node.args as unknown[])[0] = linearMatcher;
      } else if (comprehensions.has(name)) {
        depth = enterComprehension(node, name, depth);
      }
    }
    for (const child of childrenOf(node.args)) {
      visit(child, depth);
    }
  }
}

function enterComprehension(node: ASTNode, name: string, depth: number): number {
  if (depth > 0) {
    throw new ExpressionError(`\`${name}\` must not stand inside another comprehension`, node.range.start);
  }
  return depth + 1;
}

function literalPattern(node: ASTNode, parameters: readonly ASTNode[]): string {
  const [pattern] = parameters;
  if (parameters.length !== 1 || pattern?.op !== "value" || typeof pattern.args !== "string") {
    throw new ExpressionError("`matches` takes one pattern, written as a string literal", node.range.start);
  }
  return pattern.args;
}

function* childrenOf(parameters: unknown): Generator<ASTNode> {
  if (Array.isArray(parameters)) {
    for (const parameter of parameters) {
      yield* childrenOf(parameter);
    }
  } else if (isNode(parameters)) {
    yield parameters;
  }
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "range" in value;
}
