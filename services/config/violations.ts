import { invalidFields } from "#rpc";

/** What is wrong with one field of a request, and what would be right. */
export interface Violation {
  /** Path of the field, e.g. `endpoint.model_mappings[0].weight`. */
  readonly field: string;
  readonly description: string;
}

/**
 * Throws INVALID_ARGUMENT with the violations, if there is one. Errors travel in headers, which have little room: at most 20
 * and 5000 characters are told, long texts are cut, and the last one says how many more there are.
 */
export function refuseViolations(violations: readonly Violation[]): void {
  if (violations.length === 0) {
    return;
  }
  const told: Violation[] = [];
  let length = 0;
  for (const violation of violations.slice(0, mostTold)) {
    const one = { field: shorten(violation.field), description: shorten(violation.description, longestDescription) };
    length += one.field.length + one.description.length;
    if (told.length > 0 && length > mostCharactersTold) {
      break;
    }
    told.push(one);
  }
  const last = told.at(-1);
  const untold = violations.length - told.length;
  if (last !== undefined && untold > 0) {
    told[told.length - 1] = { ...last, description: `${last.description} (and ${untold} more fields are wrong)` };
  }
  throw invalidFields(told);
}

/** A text that came from outside, cut to what an error may carry. */
export function shorten(text: string, mostCharacters = longestText): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 3)}...`;
}

const mostTold = 20;
const mostCharactersTold = 5000;
const longestText = 256;
const longestDescription = 512;
