const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const minus = 0x2d;
const plus = 0x2b;
const dot = 0x2e;
const digitZero = 0x30;

// Native search wins over a loop only for strings longer than about this.
const nearBytes = 64;

/** Arrays and objects may be nested this deep in a body; a deeper one is a fault. */
export const maxDepth = 512;

/** What a skip gives for a value that is nested deeper than `maxDepth`. */
export const tooDeep = -0x7fffffff;

/**
 * The offset just after the value that begins at `position`; white space around it is the caller's. What is not JSON gives
 * `~offset` of the first unexpected byte, so a negative number, or `tooDeep`. The characters inside strings are not judged.
 */
export function skipValue(bytes: Buffer, position: number, depth: number): number {
  switch (bytes[position]) {
    case quote:
      return skipString(bytes, position);
    case openBrace:
      return skipObject(bytes, position, depth + 1);
    case openBracket:
      return skipArray(bytes, position, depth + 1);
    case 0x74:
      return skipLiteral(bytes, position, "true");
    case 0x66:
      return skipLiteral(bytes, position, "false");
    case 0x6e:
      return skipLiteral(bytes, position, "null");
    default:
      return skipNumber(bytes, position);
  }
}

/** The offset of the first byte at or after `position` that is not white space. */
export function skipWhiteSpace(bytes: Buffer, position: number): number {
  let offset = position;
  let byte = bytes[offset];
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
    offset += 1;
    byte = bytes[offset];
  }
  return offset;
}

/** The offset just after the string whose opening quote is at `opening`, or `~offset` when it is none or does not end. */
export function skipString(bytes: Buffer, opening: number): number {
  if (bytes[opening] !== quote) {
    return ~opening;
  }
  let position = opening + 1;
  while (position < bytes.length) {
    const near = Math.min(position + nearBytes, bytes.length);
    while (position < near) {
      const byte = bytes[position];
      if (byte === quote) {
        return position + 1;
      }
      position += byte === backslash ? 2 : 1;
    }
    const found = bytes.indexOf(quote, position);
    if (found < 0) {
      break;
    }
    if (!isEscaped(bytes, position, found)) {
      return found + 1;
    }
    position = found + 1;
  }
  return ~bytes.length;
}

/** The offset of the member's value: after the key's end at `position` come white space, a colon and white space. */
export function skipColon(bytes: Buffer, position: number): number {
  const offset = skipWhiteSpace(bytes, position);
  return bytes[offset] === colon ? skipWhiteSpace(bytes, offset + 1) : ~offset;
}

function isEscaped(bytes: Buffer, from: number, found: number): boolean {
  let first = found;
  while (first > from && bytes[first - 1] === backslash) {
    first -= 1;
  }
  return (found - first) % 2 === 1;
}

function skipObject(bytes: Buffer, opening: number, depth: number): number {
  if (depth > maxDepth) {
    return tooDeep;
  }
  let position = skipWhiteSpace(bytes, opening + 1);
  if (bytes[position] === closeBrace) {
    return position + 1;
  }
  for (;;) {
    position = skipString(bytes, position);
    if (position >= 0) {
      position = skipColon(bytes, position);
    }
    if (position >= 0) {
      position = skipValue(bytes, position, depth);
    }
    if (position < 0) {
      return position;
    }
    position = skipWhiteSpace(bytes, position);
    const byte = bytes[position];
    if (byte === closeBrace) {
      return position + 1;
    }
    if (byte !== comma) {
      return ~position;
    }
    position = skipWhiteSpace(bytes, position + 1);
  }
}

function skipArray(bytes: Buffer, opening: number, depth: number): number {
  if (depth > maxDepth) {
    return tooDeep;
  }
  let position = skipWhiteSpace(bytes, opening + 1);
  if (bytes[position] === closeBracket) {
    return position + 1;
  }
  for (;;) {
    position = skipValue(bytes, position, depth);
    if (position < 0) {
      return position;
    }
    position = skipWhiteSpace(bytes, position);
    const byte = bytes[position];
    if (byte === closeBracket) {
      return position + 1;
    }
    if (byte !== comma) {
      return ~position;
    }
    position = skipWhiteSpace(bytes, position + 1);
  }
}

function skipLiteral(bytes: Buffer, position: number, literal: string): number {
  for (let index = 1; index < literal.length; index += 1) {
    if (bytes[position + index] !== literal.charCodeAt(index)) {
      return ~(position + index);
    }
  }
  return position + literal.length;
}

function skipNumber(bytes: Buffer, start: number): number {
  let position = bytes[start] === minus ? start + 1 : start;
  position = bytes[position] === digitZero ? position + 1 : skipDigits(bytes, position);
  if (position >= 0 && bytes[position] === dot) {
    position = skipDigits(bytes, position + 1);
  }
  if (position < 0) {
    return position;
  }
  const exponent = bytes[position];
  if (exponent !== 0x65 && exponent !== 0x45) {
    return position;
  }
  const sign = bytes[position + 1];
  return skipDigits(bytes, sign === plus || sign === minus ? position + 2 : position + 1);
}

function skipDigits(bytes: Buffer, start: number): number {
  let position = start;
  while (isDigit(bytes[position])) {
    position += 1;
  }
  return position === start ? ~start : position;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= digitZero && byte <= 0x39;
}
