/** A JSON object whose members are not known. */
export type Json = Readonly<Record<string, unknown>>;

/** The value as an object; undefined when it is a list, null or no object. */
export function toJson(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** The parsed text, or undefined when it is no JSON. Never throws. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
