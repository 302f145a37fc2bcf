import type { ChatBody } from "./chat-body.ts";

/** What a chat body asks for, found by parsing it whole. */
export interface ChatBodyInspection {
  /** Estimate of the prompt's tokens: a token for each 4 bytes of text and tool schemas, 1000 for each image or sound. */
  readonly estimatedInputTokens: number;
  /** `max_completion_tokens`, else `max_tokens`; 0 when the request sets none. */
  readonly maxTokens: number;
  readonly hasTools: boolean;
  readonly hasImages: boolean;
  readonly wantsJsonSchema: boolean;
  /** The entries of `metadata` whose values are strings. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The parsed body. */
  readonly value: unknown;
}

const bytesPerToken = 4;
const tokensPerMedium = 1000;

interface Tally {
  textBytes: number;
  media: number;
  images: number;
}

/** Parses a body that was scanned and tells what it asks for. Never throws: what has another shape counts as not there. */
export function inspectChatBody(body: ChatBody): ChatBodyInspection {
  const value = parse(body.bytes);
  const members = isRecord(value) ? value : {};
  const tally: Tally = { textBytes: 0, media: 0, images: 0 };
  countMessages(members.messages, tally);
  const tools = listOf(members.tools).concat(listOf(members.functions));
  if (tools.length > 0) {
    tally.textBytes += Buffer.byteLength(JSON.stringify(tools));
  }
  return {
    estimatedInputTokens: Math.ceil(tally.textBytes / bytesPerToken) + tally.media * tokensPerMedium,
    maxTokens: wholeNumber(members.max_completion_tokens) ?? wholeNumber(members.max_tokens) ?? 0,
    hasTools: tools.length > 0,
    hasImages: tally.images > 0,
    wantsJsonSchema: isRecord(members.response_format) && members.response_format.type === "json_schema",
    metadata: stringEntries(members.metadata),
    value,
  };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8").replace(/^\uFEFF/, ""));
  } catch {
    // The scan admits what a provider would refuse, such as a raw control character in a string.
    return undefined;
  }
}

function countMessages(messages: unknown, tally: Tally): void {
  for (const message of listOf(messages)) {
    if (!isRecord(message)) {
      continue;
    }
    if (typeof message.content === "string") {
      tally.textBytes += Buffer.byteLength(message.content);
    }
    for (const part of listOf(message.content)) {
      countPart(part, tally);
    }
    const calls = listOf(message.tool_calls);
    if (calls.length > 0) {
      tally.textBytes += Buffer.byteLength(JSON.stringify(calls));
    }
  }
}

function countPart(part: unknown, tally: Tally): void {
  if (!isRecord(part)) {
    return;
  }
  const text = part.text ?? part.refusal;
  if (part.type === "image_url") {
    tally.images++;
    tally.media++;
  } else if (typeof text === "string") {
    tally.textBytes += Buffer.byteLength(text);
  } else {
    tally.media++;
  }
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function stringEntries(value: unknown): Record<string, string> {
  const entries = isRecord(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
