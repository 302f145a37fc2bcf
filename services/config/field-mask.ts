import { type Field, isSet } from "./field-table.ts";
import { refuseViolations } from "./violations.ts";

/** Which of the fields a write names: those of the mask; with an empty mask those that are set. Throws for unknown paths. */
export function maskedFields<Message>(
  fields: readonly Field<Message>[],
  given: Message,
  mask: readonly string[] | undefined,
): readonly Field<Message>[] {
  if (mask === undefined || mask.length === 0) {
    return fields.filter(({ key }) => isSet(given[key]));
  }
  const known = new Map(fields.map((field) => [field.path, field]));
  refuseViolations(
    mask
      .filter((path) => !known.has(path))
      .map((path) => ({
        field: "update_mask",
        description: `${JSON.stringify(path)} is not one of ${[...known.keys()].join(", ")}`,
      })),
  );
  return fields.filter(({ path }) => mask.includes(path));
}

/** The stored message with the named fields as given. A named field that is not set is cleared. */
export function withFields<Message extends object>(
  stored: Message,
  given: Message,
  named: readonly Field<Message>[],
): Message {
  const changed = { ...stored };
  for (const { key } of named) {
    changed[key] = given[key];
  }
  return changed;
}
