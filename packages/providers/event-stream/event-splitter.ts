import type { EventSink, RawEvent } from "./raw-event.ts";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const colon = 0x3a;
const space = 0x20;
const byteOrderMark = [0xef, 0xbb, 0xbf];
const noBytes = Buffer.alloc(0);
// What each line costs besides its bytes.
const mostDataLines = 16_384;
const oneLineFeed = Buffer.from("\n");

/** Where the value of one `data:` line is in the buffer. */
interface DataLine {
  start: number;
  end: number;
}

/**
 * Splits a body into server-sent events, on bytes: read in whatever pieces, with LF, CRLF or CR, comments, several `data:`
 * lines and a byte order mark. A whole event is handed on when its blank line is seen, comments as soon as their line ends.
 */
export class EventSplitter implements RawEvent {
  buffer: Buffer = noBytes;
  dataLineCount = 0;
  dataStart = 0;
  dataEnd = 0;
  eventName = "";

  readonly #sink: EventSink;
  readonly #maxEventBytes: number;
  // Bytes of `buffer` that are filled, and whether it is ours to write to.
  #length = 0;
  #isOwned = false;
  #mayHaveReturns = false;
  #eventStart = 0;
  #eventEnd = 0;
  #lineStart = 0;
  #scanned = 0;
  #moreData: DataLine[] = [];
  #hasComment = false;
  #hasField = false;
  #markBytes = 0;
  #skipsLineFeed = false;
  #missingEnd = noBytes;
  #isOver = false;

  constructor(sink: EventSink, maxEventBytes: number) {
    this.#sink = sink;
    this.#maxEventBytes = maxEventBytes;
  }

  push(chunk: Buffer): void {
    if (this.#isOver) {
      return;
    }
    const from = this.#skipAtStart(chunk);
    if (from < chunk.length) {
      this.#take(chunk, from);
      this.#split();
      this.#keepRest();
    }
  }

  /** Hands on what is left as a tail. */
  end(): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    const endsInLine = this.#lineStart < this.#length;
    if (endsInLine) {
      const isReturn = this.buffer[this.#length - 1] === carriageReturn;
      this.#readLine(this.#lineStart, isReturn ? this.#length - 1 : this.#length);
    }
    if (this.dataLineCount > 0) {
      this.#eventEnd = this.#length;
      this.#missingEnd = Buffer.from(endsInLine ? "\n\n" : "\n");
      this.#sink.onTail(this);
    }
  }

  toBytes(): Buffer {
    const bytes = this.buffer.subarray(this.#eventStart, this.#eventEnd);
    return this.#missingEnd.length === 0 ? bytes : Buffer.concat([bytes, this.#missingEnd]);
  }

  toData(): string {
    const first = this.buffer.toString("utf8", this.dataStart, this.dataEnd);
    if (this.dataLineCount < 2) {
      return first;
    }
    const more = this.#moreData.map(({ start, end }) => this.buffer.toString("utf8", start, end));
    return [first, ...more].join("\n");
  }

  /** Skips a byte order mark, and the line feed of a CRLF whose CR already ended the last event. */
  #skipAtStart(chunk: Buffer): number {
    let from = 0;
    while (this.#markBytes < byteOrderMark.length && from < chunk.length) {
      if (chunk[from] === byteOrderMark[this.#markBytes]) {
        this.#markBytes += 1;
        from += 1;
      } else {
        this.#markBytes = byteOrderMark.length;
      }
    }
    if (this.#skipsLineFeed && from < chunk.length) {
      this.#skipsLineFeed = false;
      from += chunk[from] === lineFeed ? 1 : 0;
    }
    return from;
  }

  #take(chunk: Buffer, from: number): void {
    const hasReturns = chunk.indexOf(carriageReturn, from) >= 0;
    if (this.#length === 0) {
      this.buffer = chunk;
      this.#isOwned = false;
      this.#mayHaveReturns = hasReturns;
      this.#length = chunk.length;
      this.#eventStart = from;
      this.#lineStart = from;
      this.#scanned = from;
      return;
    }
    this.#mayHaveReturns ||= hasReturns;
    const added = chunk.length - from;
    if (this.#length + added > this.buffer.length) {
      this.#moveTo(Buffer.allocUnsafe(2 * (this.#length + added)));
    }
    chunk.copy(this.buffer, this.#length, from);
    this.#length += added;
  }

  #split(): void {
    for (;;) {
      const lineEnd = this.#findLineEnd();
      if (lineEnd < 0) {
        this.#scanned = this.#length;
        return;
      }
      const isReturn = this.buffer[lineEnd] === carriageReturn;
      const isLast = lineEnd + 1 === this.#length;
      const isBlank = lineEnd === this.#lineStart;
      if (isReturn && isLast && !isBlank) {
        // Whether a line feed belongs to it shows with the next byte; a blank line is not kept waiting for that.
        this.#scanned = lineEnd;
        return;
      }
      const next = lineEnd + (isReturn && this.buffer[lineEnd + 1] === lineFeed && !isLast ? 2 : 1);
      if (isBlank) {
        this.#skipsLineFeed = isReturn && isLast;
        this.#endEvent(next);
      } else {
        this.#readLine(this.#lineStart, lineEnd);
      }
      this.#lineStart = next;
      this.#scanned = next;
      if (this.#isOver) {
        return;
      }
    }
  }

  #findLineEnd(): number {
    if (!this.#mayHaveReturns) {
      const found = this.buffer.indexOf(lineFeed, this.#scanned);
      return found < this.#length ? found : -1;
    }
    for (let position = this.#scanned; position < this.#length; position += 1) {
      const byte = this.buffer[position];
      if (byte === lineFeed || byte === carriageReturn) {
        return position;
      }
    }
    return -1;
  }

  #readLine(start: number, end: number): void {
    if (this.buffer[start] === colon) {
      this.#hasComment = true;
      return;
    }
    const isData = this.#hasName(start, end, "data");
    if (!isData) {
      this.#hasField = true;
      if (this.#hasName(start, end, "event")) {
        this.eventName = this.buffer.toString("utf8", this.#valueStart(start + 5, end), end);
      }
      return;
    }
    const valueStart = this.#valueStart(start + 4, end);
    if (this.dataLineCount === 0) {
      this.dataStart = valueStart;
      this.dataEnd = end;
    } else if (this.dataLineCount < mostDataLines) {
      this.#moreData.push({ start: valueStart, end });
    }
    this.dataLineCount += 1;
  }

  #hasName(start: number, end: number, name: string): boolean {
    for (let index = 0; index < name.length; index += 1) {
      if (this.buffer[start + index] !== name.charCodeAt(index)) {
        return false;
      }
    }
    const after = start + name.length;
    return after === end || (after < end && this.buffer[after] === colon);
  }

  #valueStart(nameEnd: number, end: number): number {
    const start = nameEnd + 1;
    return Math.min(this.buffer[start] === space ? start + 1 : start, end);
  }

  #endEvent(end: number): void {
    this.#eventEnd = end;
    if (end - this.#eventStart > this.#maxEventBytes || this.dataLineCount > mostDataLines) {
      this.#isOver = true;
      this.#sink.onOversized();
    } else if (this.dataLineCount > 0 || this.#hasComment || this.#hasField) {
      // Between CRLFs a CR alone would not be seen as the end of an event by everybody.
      const isCut = this.#skipsLineFeed && this.buffer[this.#lineStart - 1] === lineFeed;
      this.#missingEnd = isCut ? oneLineFeed : noBytes;
      this.#sink.onEvent(this);
      this.#missingEnd = noBytes;
    }
    this.#eventStart = end;
    this.#reset();
  }

  #reset(): void {
    this.dataLineCount = 0;
    this.eventName = "";
    this.#hasComment = false;
    this.#hasField = false;
    if (this.#moreData.length > 0) {
      this.#moreData = [];
    }
  }

  #keepRest(): void {
    const isAtLine = this.#lineStart === this.#length && this.#eventStart < this.#length;
    if (isAtLine && this.#hasComment && this.dataLineCount === 0 && !this.#hasField) {
      this.#eventEnd = this.#length;
      this.#missingEnd = oneLineFeed;
      this.#sink.onEvent(this);
      this.#missingEnd = noBytes;
      this.#eventStart = this.#length;
      this.#reset();
    }
    const rest = this.#length - this.#eventStart;
    if (rest === 0) {
      this.#length = 0;
      this.buffer = noBytes;
    } else if (rest > this.#maxEventBytes) {
      this.#isOver = true;
      this.#sink.onOversized();
    } else if (!this.#isOwned || this.#eventStart > 0) {
      // Events that were handed on are slices of the old buffer, so it must not be written to.
      this.#moveTo(Buffer.allocUnsafe(2 * rest));
    }
  }

  #moveTo(target: Buffer): void {
    const shift = this.#eventStart;
    this.buffer.copy(target, 0, shift, this.#length);
    this.buffer = target;
    this.#isOwned = true;
    this.#length -= shift;
    this.#eventStart = 0;
    this.#lineStart -= shift;
    this.#scanned -= shift;
    this.dataStart -= shift;
    this.dataEnd -= shift;
    for (const line of this.#moreData) {
      line.start -= shift;
      line.end -= shift;
    }
  }
}
