type Json = Readonly<Record<string, unknown>>;

/** The JSON of an OpenAI chat completion or chunk. What its members are is the provider's, so each is read with care. */
export type OpenAiAnswer = Json;

/** The value as an object; an empty one where it is none. */
export function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : noMembers;
}

/** The objects of a list; of what is no list, and of entries that are no objects, nothing. */
export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter((entry) => objectOf(entry) === entry) : noObjects;
}

/** The text; empty where it is none. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A place in a list, as the wire has it; the other one where it is none. */
export function indexOf(value: unknown, otherwise: number): number {
  const isIndex = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= mostIndex;
  return isIndex ? value : otherwise;
}

/** The text of what was said, whole or in parts; parts that are no text are left out. */
export function saidText({ content }: Json): string {
  return typeof content === "string"
    ? content
    : objectsOf(content)
        .map(({ text }) => textOf(text))
        .join("");
}

/** The reasoning that was shown, under either of its names. */
export function reasoningOf(said: Json): string {
  return textOf(said.reasoning_content ?? said.reasoning);
}

const noMembers: Json = Object.freeze({});
const noObjects: readonly Json[] = Object.freeze([]);
const mostIndex = 2 ** 31 - 1;
