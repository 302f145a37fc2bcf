import { invalidFields } from "#rpc";

/** What is wrong with one field of a request, and what would be right. */
export interface Violation {
  /** Path of the field, e.g. `endpoint.model_mappings[0].weight`. */
  readonly field: string;
  readonly description: string;
}

/**
 * Throws INVALID_ARGUMENT with the violations, if there is one. Errors travel in headers, which have little room: at most
 * 20 are told, texts are cut at 256 characters, and the last one says how many more there are.
 */
export function refuseViolations(violations: readonly Violation[]): void {
  if (violations.length === 0) {
    return;
  }
  const told = violations
    .slice(0, mostTold)
    .map(({ field, description }) => ({ field: shorten(field), description: shorten(description) }));
  const last = told.at(-1);
  const untold = violations.length - told.length;
  if (last !== undefined && untold > 0) {
    told[told.length - 1] = { ...last, description: `${last.description} (and ${untold} more fields are wrong)` };
  }
  throw invalidFields(told);
}

/** A text that came from outside, cut to what an error may carry. */
export function shorten(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText - 3)}...`;
}

const mostTold = 20;
const longestText = 256;
