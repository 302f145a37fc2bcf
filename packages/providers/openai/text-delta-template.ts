const quote = 0x22;
const backslash = 0x5c;
const contentKey = Buffer.from('"content":"');
const paddingKey = Buffer.from('"obfuscation":"');

/** How often in a row an event may fail to match before no more templates are made in this stream. */
const maxMisses = 8;

/**
 * Recognises the chunk that most of a stream consists of: the same bytes as the one before but for the text, and for
 * OpenAI's padding. Such a chunk need not be parsed; whatever differs in any other byte is not recognised.
 */
export class TextDeltaTemplate {
  #head: Buffer | undefined;
  /** Between text and padding; all of the rest where there is no padding. */
  #middle = contentKey;
  #tail: Buffer | undefined;
  #misses = 0;

  /** Whether the data from `start` to `end` is the learnt chunk with another text that is not empty. */
  matches(buffer: Buffer, start: number, end: number): boolean {
    const head = this.#head;
    if (head === undefined || !isSame(buffer, start, head) || this.#restOf(buffer, start + head.length) !== end) {
      return false;
    }
    this.#misses = 0;
    return true;
  }

  /** Takes a chunk whose only choice has this text as its delta, and which carries nothing else that changes. */
  learn(data: Buffer, text: string): void {
    this.#misses += 1;
    if (this.#misses > maxMisses) {
      this.#head = undefined;
      return;
    }
    const textStart = data.indexOf(contentKey) + contentKey.length;
    const textEnd = stringEnd(data, textStart);
    const isFound = textStart >= contentKey.length && textEnd > textStart;
    if (!isFound || data.toString("utf8", textStart, textEnd) !== text) {
      return;
    }
    const paddingStart = data.indexOf(paddingKey, textEnd) + paddingKey.length;
    const paddingEnd = paddingStart < paddingKey.length ? -1 : stringEnd(data, paddingStart);
    this.#head = Buffer.from(data.subarray(0, textStart));
    this.#middle = Buffer.from(data.subarray(textEnd, paddingEnd < 0 ? data.length : paddingStart));
    this.#tail = paddingEnd < 0 ? undefined : Buffer.from(data.subarray(paddingEnd));
  }

  /** The end of the chunk whose text begins at `textStart`, or -1 when it does not match. */
  #restOf(buffer: Buffer, textStart: number): number {
    const textEnd = stringEnd(buffer, textStart);
    if (textEnd <= textStart || !isSame(buffer, textEnd, this.#middle)) {
      return -1;
    }
    const middleEnd = textEnd + this.#middle.length;
    if (this.#tail === undefined) {
      return middleEnd;
    }
    const paddingEnd = stringEnd(buffer, middleEnd);
    return paddingEnd >= 0 && isSame(buffer, paddingEnd, this.#tail) ? paddingEnd + this.#tail.length : -1;
  }
}

function isSame(buffer: Buffer, start: number, expected: Buffer): boolean {
  const end = start + expected.length;
  return end <= buffer.length && buffer.compare(expected, 0, expected.length, start, end) === 0;
}

/** The offset of the quote that ends the JSON string whose inside begins at `start`; -1 for one that must be parsed to be sure. */
function stringEnd(buffer: Buffer, start: number): number {
  let position = start;
  while (position < buffer.length) {
    const byte = buffer[position] ?? 0;
    if (byte === quote) {
      return position;
    }
    if (byte === backslash) {
      if (!isSimpleEscape(buffer[position + 1])) {
        return -1;
      }
      position += 1;
    } else if (byte < 0x20) {
      return -1;
    }
    position += 1;
  }
  return -1;
}

/** Those of two characters: `\" \\ \/ \b \f \n \r \t`. */
function isSimpleEscape(byte: number | undefined): boolean {
  return (
    byte === quote ||
    byte === backslash ||
    byte === 0x2f ||
    byte === 0x62 ||
    byte === 0x66 ||
    byte === 0x6e ||
    byte === 0x72 ||
    byte === 0x74
  );
}
