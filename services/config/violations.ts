import { invalidFields } from "#rpc";

/** What is wrong with one field of a request, and what would be right. */
export interface Violation {
  /** Path of the field, e.g. `endpoint.model_mappings[0].weight`. */
  readonly field: string;
  readonly description: string;
}

/** Throws INVALID_ARGUMENT with every violation, if there is one. */
export function refuseViolations(violations: readonly Violation[]): void {
  if (violations.length > 0) {
    throw invalidFields(violations);
  }
}
