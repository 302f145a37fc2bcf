import { compileCondition, compileKey, ExpressionError } from "#conditions";
import type { Violation } from "../violations.ts";

/** What is wrong with a rule's condition: it must compile, and return a bool. `field` is its path. */
export function conditionViolations(source: string, field: string): Violation[] {
  return expressionViolations(() => compileCondition(source), field);
}

/** What is wrong with a sticky key's expression: it must compile, and return a string or a number. `field` is its path. */
export function keyViolations(source: string, field: string): Violation[] {
  return expressionViolations(() => compileKey(source), field);
}

function expressionViolations(compile: () => unknown, field: string): Violation[] {
  try {
    compile();
    return [];
  } catch (error) {
    if (!(error instanceof ExpressionError)) {
      throw error;
    }
    return [{ field, description: `${error.message} (at character ${error.offset + 1})` }];
  }
}
