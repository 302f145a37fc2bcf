import { type BodyFault, type ByteSpan, type ChatBody, isBodyFault } from "./chat-body.ts";
import { type KnownKey, toKnownKey } from "./known-key.ts";
import { maxDepth, skipColon, skipString, skipValue, skipWhiteSpace, tooDeep } from "./skip-json.ts";

const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const quote = 0x22;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const backslash = 0x5c;
const letterF = 0x66;
const letterN = 0x6e;
const letterT = 0x74;

const maxModelBytes = 1024;
const maxModelMembers = 16;
const maxStreamOptionsBytes = 16 * 1024;
const maxCountBytes = 8;

// A WeakMap with a short-lived key per request costs more in garbage collection than the scan itself.
const recentBodies: (ChatBody | undefined)[] = new Array(8).fill(undefined);
const maxRecentBytes = 512 * 1024;
let nextRecent = 0;

/** What the top level was seen to hold: offsets of values, -1 for what is not there. Of a duplicate the last one counts. */
interface TopLevel {
  firstMemberOffset: number;
  models: ByteSpan[];
  messages: number;
  stream: number;
  streamOptions: ByteSpan | undefined;
  choiceCount: ByteSpan | undefined;
}

/**
 * Finds in one pass what a chat body asks for, and that it is JSON with `model`, `messages` and a sound `stream` and
 * `stream_options`; a UTF-8 byte order mark is let pass. Only the inside of strings is not judged. Never throws. The bytes
 * must not be changed afterwards, since the results of the last few small bodies are remembered by their Buffer.
 */
export function scanChatBody(bytes: Buffer): ChatBody | BodyFault {
  for (const recent of recentBodies) {
    if (recent?.bytes === bytes) {
      return recent;
    }
  }
  const scanned = toChatBody(bytes);
  if (bytes.length <= maxRecentBytes && !isBodyFault(scanned)) {
    recentBodies[nextRecent] = scanned;
    nextRecent = (nextRecent + 1) % recentBodies.length;
  }
  return scanned;
}

function toChatBody(bytes: Buffer): ChatBody | BodyFault {
  const seen: TopLevel = {
    firstMemberOffset: 0,
    models: [],
    messages: -1,
    stream: -1,
    streamOptions: undefined,
    choiceCount: undefined,
  };
  const syntax = scanTopLevel(bytes, seen);
  const model = readModel(bytes, seen.models);
  if (typeof model !== "string") {
    return syntax ?? model;
  }
  const fault = syntax ?? messagesFault(bytes, seen.messages) ?? streamFault(bytes, seen.stream);
  if (fault !== undefined) {
    return { ...fault, model };
  }
  const includesUsage = seen.streamOptions === undefined ? false : readIncludesUsage(bytes, seen.streamOptions);
  if (typeof includesUsage !== "boolean") {
    return { ...includesUsage, model };
  }
  return {
    bytes,
    model,
    modelSpans: seen.models,
    stream: seen.stream >= 0 && bytes[seen.stream] === letterT,
    choiceCount: seen.choiceCount === undefined ? 1 : readChoiceCount(bytes, seen.choiceCount),
    includesUsage,
    streamOptionsSpan: seen.streamOptions,
    firstMemberOffset: seen.firstMemberOffset,
  };
}

function scanTopLevel(bytes: Buffer, seen: TopLevel): BodyFault | undefined {
  const opening = skipWhiteSpace(bytes, byteOrderMarkLength(bytes));
  if (bytes[opening] !== openBrace) {
    const end = skipWhiteSpace(bytes, Math.max(0, skipValue(bytes, opening, 0)));
    return end === bytes.length && end > opening
      ? { param: undefined, message: "The request body must be a JSON object." }
      : syntaxFault(bytes, ~opening);
  }
  seen.firstMemberOffset = opening + 1;
  const end = scanMembers(bytes, opening + 1, seen);
  if (end < 0) {
    return syntaxFault(bytes, end);
  }
  const trailing = skipWhiteSpace(bytes, end);
  return trailing === bytes.length ? undefined : syntaxFault(bytes, ~trailing);
}

function scanMembers(bytes: Buffer, first: number, seen: TopLevel): number {
  let position = skipWhiteSpace(bytes, first);
  if (bytes[position] === closeBrace) {
    return position + 1;
  }
  for (;;) {
    const keyEnd = skipString(bytes, position);
    const start = keyEnd < 0 ? keyEnd : skipColon(bytes, keyEnd);
    const end = start < 0 ? start : skipValue(bytes, start, 1);
    if (end < 0) {
      return end;
    }
    const key = toKnownKey(bytes, position, keyEnd);
    if (key !== undefined) {
      record(seen, key, { start, end });
    }
    position = skipWhiteSpace(bytes, end);
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

function record(seen: TopLevel, key: KnownKey, value: ByteSpan): void {
  switch (key) {
    case "model":
      seen.models.push(value);
      break;
    case "messages":
      seen.messages = value.start;
      break;
    case "stream":
      seen.stream = value.start;
      break;
    case "stream_options":
      seen.streamOptions = value;
      break;
    case "n":
      seen.choiceCount = value;
      break;
  }
}

function readModel(bytes: Buffer, models: readonly ByteSpan[]): string | BodyFault {
  const span = models.at(-1);
  if (span === undefined) {
    return { param: "model", message: "Missing required parameter: 'model'." };
  }
  if (models.length > maxModelMembers) {
    return { param: "model", message: "'model' is given too many times." };
  }
  if (bytes[span.start] !== quote) {
    return { param: "model", message: "Invalid type for 'model': expected a string." };
  }
  if (span.end - span.start > maxModelBytes) {
    return { param: "model", message: `Invalid 'model': longer than ${maxModelBytes} bytes.` };
  }
  const model = readPlainText(bytes, span) ?? parseText(bytes, span);
  if (typeof model !== "string") {
    return { param: "model", message: "Invalid 'model': not a valid JSON string." };
  }
  return model === "" ? { param: "model", message: "Invalid 'model': empty string." } : model;
}

function messagesFault(bytes: Buffer, start: number): BodyFault | undefined {
  if (start < 0) {
    return { param: "messages", message: "Missing required parameter: 'messages'." };
  }
  if (bytes[start] !== openBracket) {
    return { param: "messages", message: "Invalid type for 'messages': expected an array." };
  }
  return bytes[skipWhiteSpace(bytes, start + 1)] === closeBracket
    ? { param: "messages", message: "Invalid 'messages': empty array. Expected at least one message." }
    : undefined;
}

function streamFault(bytes: Buffer, start: number): BodyFault | undefined {
  const first = start < 0 ? letterN : bytes[start];
  return first === letterT || first === letterF || first === letterN
    ? undefined
    : { param: "stream", message: "Invalid type for 'stream': expected a boolean." };
}

/** Whether the number is sound is for the provider to say. */
function readChoiceCount(bytes: Buffer, { start, end }: ByteSpan): number {
  const count = end - start > maxCountBytes ? 1 : Number(bytes.toString("latin1", start, end));
  return Number.isInteger(count) && count > 1 ? count : 1;
}

function readIncludesUsage(bytes: Buffer, span: ByteSpan): boolean | BodyFault {
  if (bytes[span.start] === letterN) {
    return false;
  }
  if (bytes[span.start] !== openBrace) {
    return { param: "stream_options", message: "Invalid type for 'stream_options': expected an object." };
  }
  if (span.end - span.start > maxStreamOptionsBytes) {
    return {
      param: "stream_options",
      message: `Invalid 'stream_options': longer than ${maxStreamOptionsBytes} bytes.`,
    };
  }
  const options = parseText(bytes, span);
  return options === undefined
    ? { param: "stream_options", message: "Invalid 'stream_options': not valid JSON." }
    : (options as { include_usage?: unknown }).include_usage === true;
}

/** The characters between a span's quotes; undefined when they are not all plain ASCII, so that they need parsing. */
function readPlainText(bytes: Buffer, { start, end }: ByteSpan): string | undefined {
  for (let position = start + 1; position < end - 1; position += 1) {
    const byte = bytes[position] as number;
    if (byte < 0x20 || byte > 0x7e || byte === backslash) {
      return undefined;
    }
  }
  return bytes.toString("latin1", start + 1, end - 1);
}

/** The value of a short span; undefined when a string in it holds what a JSON string may not. */
function parseText(bytes: Buffer, span: ByteSpan): unknown {
  try {
    return JSON.parse(bytes.toString("utf8", span.start, span.end));
  } catch {
    return undefined;
  }
}

function syntaxFault(bytes: Buffer, fault: number): BodyFault {
  if (fault === tooDeep) {
    return { param: undefined, message: `The request body is nested deeper than ${maxDepth} levels.` };
  }
  const offset = ~fault;
  const what = offset >= bytes.length ? "it ends too early" : `unexpected character at byte ${offset}`;
  return { param: undefined, message: `The request body is not valid JSON: ${what}.` };
}

/** The number of bytes to skip before the JSON begins. */
export function byteOrderMarkLength(bytes: Buffer): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
