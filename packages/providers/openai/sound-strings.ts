const quote = 0x22;
const backslash = 0x5c;
const letterU = 0x75;

/** Those that may follow a backslash: `" \ / b f n r t`. */
const simpleEscapes = new Set([quote, backslash, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74]);

/**
 * Whether the strings of what is otherwise JSON hold only what JSON's may: no control characters, and no escapes but its own.
 * One pass that builds nothing.
 */
export function hasSoundStrings(bytes: Buffer): boolean {
  let position = bytes.indexOf(quote);
  while (position >= 0) {
    const end = soundStringEnd(bytes, position + 1);
    if (end < 0) {
      return false;
    }
    position = bytes.indexOf(quote, end);
  }
  return true;
}

/** The offset after the quote that ends the string whose inside begins at `start`; -1 where it is not sound. */
function soundStringEnd(bytes: Buffer, start: number): number {
  const { length } = bytes;
  let position = start;
  while (position < length) {
    const byte = bytes[position] as number;
    if (byte === quote) {
      return position + 1;
    }
    if (byte < 0x20) {
      return -1;
    }
    const step = byte === backslash ? escapeLength(bytes, position) : 1;
    if (step === 0) {
      return -1;
    }
    position += step;
  }
  return -1;
}

/** Bytes of the escape that begins at `backslash`; 0 for one that JSON does not have. */
function escapeLength(bytes: Buffer, start: number): number {
  const escaped = bytes[start + 1] ?? 0;
  if (escaped !== letterU) {
    return simpleEscapes.has(escaped) ? 2 : 0;
  }
  for (let offset = start + 2; offset < start + 6; offset += 1) {
    if (!isHexDigit(bytes[offset] ?? 0)) {
      return 0;
    }
  }
  return 6;
}

function isHexDigit(byte: number): boolean {
  const lowerCase = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (lowerCase >= 0x61 && lowerCase <= 0x66);
}
