import { skipColon, skipString, skipValue, skipWhiteSpace } from "#dialects";
import type { Json } from "../failures/json-value.ts";
import { hasSoundStrings } from "./sound-strings.ts";

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** A member that is longer than this is not read, only walked over. */
const maxMemberBytes = 64 * 1024;

/** Top-level members that are read; the texts of choices are not among them. */
const answerKeys = new Set([
  "model",
  "usage",
  "error",
  "x_groq",
  "object",
  "type",
  "code",
  "error_code",
  "status",
  "status_code",
  "message",
  "detail",
  "fault",
]);
const choiceKeys = new Set(["index", "finish_reason", "error"]);

/** Stands for a message that is there but was not read. */
const unread = Object.freeze({ isUnread: true });

/**
 * A small stand-in for a large completion, found by walking the bytes: what matters of the top level and of each choice, with
 * messages left out. Undefined when the bytes are not a JSON object.
 */
export function digestCompletion(bytes: Buffer): Json | undefined {
  const digest: Record<string, unknown> = {};
  const end = walkMembers(bytes, 0, (key, start, valueEnd) => {
    if (key === "choices") {
      digest.choices = digestChoices(bytes, start);
    } else if (answerKeys.has(key)) {
      digest[key] = readMember(bytes, start, valueEnd);
    }
  });
  return end === bytes.length && hasSoundStrings(bytes) ? digest : undefined;
}

type OnMember = (key: string, start: number, end: number) => void;

function digestChoices(bytes: Buffer, start: number): unknown {
  if (bytes[start] !== openBracket) {
    return undefined;
  }
  const choices: unknown[] = [];
  let position = skipWhiteSpace(bytes, start + 1);
  while (bytes[position] !== closeBracket) {
    const choice: Record<string, unknown> = {};
    const isObject = bytes[position] === openBrace;
    const end = isObject ? walkMembers(bytes, position, toChoiceReader(bytes, choice)) : skipValue(bytes, position, 2);
    if (end < 0) {
      return undefined;
    }
    choices.push(isObject ? choice : undefined);
    position = skipWhiteSpace(bytes, end);
    position = bytes[position] === comma ? skipWhiteSpace(bytes, position + 1) : position;
  }
  return choices;
}

function toChoiceReader(bytes: Buffer, choice: Record<string, unknown>): OnMember {
  return (key, start, end) => {
    if (choiceKeys.has(key)) {
      choice[key] = readMember(bytes, start, end);
    } else if (key === "message" || key === "text") {
      choice[key] = unread;
    }
  };
}

/** Walks the object at `opening` and gives the offset after it, or a negative number when there is none. */
function walkMembers(bytes: Buffer, opening: number, onMember: OnMember): number {
  if (bytes[opening] !== openBrace) {
    return -1;
  }
  let position = skipWhiteSpace(bytes, opening + 1);
  while (bytes[position] === quote) {
    const keyEnd = skipString(bytes, position);
    const start = keyEnd < 0 ? keyEnd : skipColon(bytes, keyEnd);
    const end = start < 0 ? start : skipValue(bytes, start, 1);
    if (end < 0) {
      return -1;
    }
    onMember(bytes.toString("latin1", position + 1, keyEnd - 1), start, end);
    position = skipWhiteSpace(bytes, end);
    if (bytes[position] !== comma) {
      break;
    }
    position = skipWhiteSpace(bytes, position + 1);
    if (bytes[position] !== quote) {
      return -1;
    }
  }
  return bytes[position] === closeBrace ? position + 1 : -1;
}

function readMember(bytes: Buffer, start: number, end: number): unknown {
  if (end - start > maxMemberBytes) {
    return unread;
  }
  try {
    return JSON.parse(bytes.toString("utf8", start, end));
  } catch {
    return undefined;
  }
}
