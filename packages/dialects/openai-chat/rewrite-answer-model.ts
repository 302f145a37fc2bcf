import type { ByteSpan } from "./chat-body.ts";
import { toKnownKey } from "./known-key.ts";
import { skipColon, skipString, skipValue, skipWhiteSpace } from "./skip-json.ts";

const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
// The four letters of `data`.
const dataField = 0x64617461;
const fieldBytes = 4;
const lineBreak = Buffer.from("\n");

/**
 * The answer with every top-level `model` value replaced, everything else byte for byte; the given bytes are untouched. An
 * answer without one, or what is no JSON object, comes back as it is.
 */
export function rewriteAnswerModel(json: Buffer, model: string): Buffer {
  const spans = findModelSpans(json);
  return spans.length === 0 ? json : splice(json, spans, Buffer.from(JSON.stringify(model)));
}

/** The same for one whole event of a stream, whose JSON may stand in several `data:` lines. */
export function rewriteEventModel(event: Buffer, model: string): Buffer {
  const lines = findDataLines(event);
  const [first] = lines;
  if (first === undefined) {
    return event;
  }
  const data =
    lines.length === 1
      ? event.subarray(first.start, first.end)
      : Buffer.concat(lines.flatMap(({ start, end }) => [event.subarray(start, end), lineBreak]));
  const spans = findModelSpans(data).flatMap((span) => toEventSpan(span, lines));
  return spans.length === 0 ? event : splice(event, spans, Buffer.from(JSON.stringify(model)));
}

/** The values of all `model` members of an object, as far as it is JSON. */
function findModelSpans(json: Buffer): ByteSpan[] {
  const spans: ByteSpan[] = [];
  const opening = skipWhiteSpace(json, 0);
  let separator = json[opening] === openBrace ? opening : -1;
  while (separator >= 0) {
    const key = skipWhiteSpace(json, separator + 1);
    const keyEnd = skipString(json, key);
    const start = keyEnd < 0 ? keyEnd : skipColon(json, keyEnd);
    const end = start < 0 ? start : skipValue(json, start, 1);
    if (end < 0) {
      break;
    }
    if (toKnownKey(json, key, keyEnd) === "model") {
      spans.push({ start, end });
    }
    const next = skipWhiteSpace(json, end);
    separator = json[next] === comma ? next : -1;
  }
  return spans;
}

/** The values of the `data:` lines, in the order in which they stand. */
function findDataLines(event: Buffer): ByteSpan[] {
  const lines: ByteSpan[] = [];
  let start = 0;
  while (start < event.length) {
    const end = findLineEnd(event, start);
    if (end - start > fieldBytes && event.readUInt32BE(start) === dataField && event[start + fieldBytes] === colon) {
      lines.push({ start: start + fieldBytes + 1, end });
    }
    start = end + 1;
  }
  return lines;
}

function findLineEnd(event: Buffer, start: number): number {
  let end = start;
  while (end < event.length && event[end] !== lineFeed && event[end] !== carriageReturn) {
    end += 1;
  }
  return end;
}

/** Where a value of the joined lines stands in the event. None that is worth replacing goes over the end of a line. */
function toEventSpan({ start, end }: ByteSpan, lines: readonly ByteSpan[]): ByteSpan[] {
  let offset = 0;
  for (const line of lines) {
    const length = line.end - line.start;
    if (start < offset + length) {
      const shift = line.start - offset;
      return end <= offset + length ? [{ start: start + shift, end: end + shift }] : [];
    }
    offset += length + lineBreak.length;
  }
  return [];
}

function splice(bytes: Buffer, spans: readonly ByteSpan[], text: Buffer): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end } of spans) {
    parts.push(bytes.subarray(from, start), text);
    from = end;
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts);
}
