/** The members of a chat body that a gateway reads. */
export type KnownKey = "model" | "messages" | "stream" | "stream_options" | "n";

const knownKeys: readonly KnownKey[] = ["model", "messages", "stream", "stream_options", "n"];
const backslash = 0x5c;

// Six bytes a letter is the longest way to escape one.
const longestEscapedKey = 2 + 6 * "stream_options".length;

/** Which known key stands, quotes included, from `start` to `end`, however it is escaped; undefined for any other key. */
export function toKnownKey(bytes: Buffer, start: number, end: number): KnownKey | undefined {
  for (const key of knownKeys) {
    if (key.length === end - start - 2 && isAt(bytes, start + 1, key)) {
      return key;
    }
  }
  if (end - start > longestEscapedKey || !hasBackslash(bytes, start, end)) {
    return undefined;
  }
  return toEscapedKey(bytes, start, end);
}

function isAt(bytes: Buffer, start: number, key: string): boolean {
  for (let index = 0; index < key.length; index += 1) {
    if (bytes[start + index] !== key.charCodeAt(index)) {
      return false;
    }
  }
  return true;
}

function hasBackslash(bytes: Buffer, start: number, end: number): boolean {
  for (let position = start; position < end; position += 1) {
    if (bytes[position] === backslash) {
      return true;
    }
  }
  return false;
}

function toEscapedKey(bytes: Buffer, start: number, end: number): KnownKey | undefined {
  try {
    const decoded: unknown = JSON.parse(bytes.toString("utf8", start, end));
    return knownKeys.find((key) => key === decoded);
  } catch {
    return undefined;
  }
}
