import type { Violation } from "./violations.ts";

/** What is wrong with a text that must be there: empty, too long, or with control characters. */
export function textViolations(
  value: string | undefined,
  field: string,
  { maxLength, isRequired = true }: { readonly maxLength: number; readonly isRequired?: boolean },
): Violation[] {
  if (value === undefined || value === "") {
    return isRequired ? [{ field, description: "must be set" }] : [];
  }
  if (value.length > maxLength) {
    return [{ field, description: `must have at most ${maxLength} characters, not ${value.length}` }];
  }
  return controlCharacter.test(value) ? [{ field, description: "must not hold control characters" }] : [];
}

/** What is wrong with the name of whoever writes, as the caller says it. */
export function writerViolations(value: string | undefined, field: string): Violation[] {
  return textViolations(value, field, { maxLength: 255, isRequired: false });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is there to find them.
const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** What is wrong with an enum that may be unset: a number that this version does not know. */
export function enumViolations(
  value: number | undefined,
  field: string,
  { known }: { readonly known: readonly string[] },
): Violation[] {
  return value === unrecognized ? [{ field, description: `must be one of ${known.join(", ")}` }] : [];
}

/** Every value that an enum of the contract does not know is read as this one. */
const unrecognized = -1;

/** Names of an enum that may be written, for the message of a violation. */
export function writableNames(enumeration: Readonly<Record<string, number>>): string[] {
  return Object.keys(enumeration).filter((name) => name !== "UNSPECIFIED" && name !== "UNRECOGNIZED");
}

/** What is wrong with a whole number that may be unset. */
export function rangeViolations(
  value: number | bigint | undefined,
  field: string,
  { least, most }: { readonly least: number; readonly most: number },
): Violation[] {
  if (value === undefined || (value >= least && value <= most)) {
    return [];
  }
  return [{ field, description: `must be from ${least} to ${most}, not ${value}` }];
}
