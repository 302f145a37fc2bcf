import { type Json, parseJson, toJson } from "../failures/json-value.ts";

/** What a local provider needs to know of a chat request. */
export interface ChatQuestion {
  readonly model: string;
  readonly stream: boolean;
  readonly includesUsage: boolean;
  /** Text of the last message of the user; empty when there is none. */
  readonly lastUserText: string;
  /** Words in the texts of all messages. */
  readonly wordCount: number;
}

/** Reads a chat body that was found sound before. */
export function readChatQuestion(body: Buffer): ChatQuestion {
  const request = toJson(parseJson(body.toString("utf8"))) ?? {};
  let lastUserText = "";
  let wordCount = 0;
  for (const entry of Array.isArray(request.messages) ? request.messages : []) {
    const message: Json = toJson(entry) ?? {};
    const text = toText(message.content);
    wordCount += countWords(text);
    if (message.role === "user") {
      lastUserText = text;
    }
  }
  return {
    model: typeof request.model === "string" ? request.model : "",
    stream: request.stream === true,
    includesUsage: toJson(request.stream_options)?.include_usage === true,
    lastUserText,
    wordCount,
  };
}

/** How many runs of characters that are not blank there are. */
export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

function toText(content: unknown): string {
  if (!Array.isArray(content)) {
    return typeof content === "string" ? content : "";
  }
  return content
    .map((part) => toJson(part)?.text)
    .filter((text) => typeof text === "string")
    .join(" ");
}
