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

/**
 * What is wrong with an enum: a number that is none of `values`, since decoders hand on whatever came on the wire.
 * `*_UNSPECIFIED`, the 0, reads as unset.
 */
export function enumViolations(
  value: number | undefined,
  field: string,
  { values, isRequired = false }: { readonly values: Readonly<Record<string, number>>; readonly isRequired?: boolean },
): Violation[] {
  const writable = Object.entries(values).filter(([, number]) => number > 0);
  const isUnset = value === undefined || value === 0;
  if (isUnset ? !isRequired : writable.some(([, number]) => number === value)) {
    return [];
  }
  return [{ field, description: `must be one of ${writable.map(([name]) => name).join(", ")}` }];
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
