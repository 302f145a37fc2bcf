import { badResponse } from "../failures/failure-class.ts";
import { type Json, toJson } from "../failures/json-value.ts";
import type { CanonicalResponse } from "../provider.ts";
import { digestCompletion } from "./digest-completion.ts";
import { findErrorInside } from "./error-inside.ts";
import type { OpenAiWireQuirks } from "./openai-wire-row.ts";
import { readTokenUsage } from "./token-usage.ts";

/** From here on building the whole tree of a body costs more than walking its bytes. */
const maxParsedBytes = 4 * 1024;

/** Reads a whole chat completion; its bytes are passed on as they are but for blank space around them. Never throws. */
export function readChatCompletion(body: Buffer, quirks: OpenAiWireQuirks): CanonicalResponse {
  const bytes = trim(body);
  const answer = bytes.length > maxParsedBytes ? digestCompletion(bytes) : parse(bytes);
  if (answer === undefined) {
    return { kind: "failure", failure: badResponse(200) };
  }
  const failure = findErrorInside(answer);
  if (failure !== undefined) {
    return { kind: "failure", failure };
  }
  const finishReasons = readFinishReasons(answer.choices);
  if (finishReasons === undefined) {
    return { kind: "failure", failure: badResponse(200) };
  }
  return {
    kind: "answer",
    body: bytes,
    usage: readTokenUsage(answer.usage ?? toJson(answer.x_groq)?.usage, quirks.addsReasoningTokens === true),
    model: typeof answer.model === "string" && answer.model !== "" ? answer.model : undefined,
    finishReasons,
  };
}

/** One per choice that has any; undefined when there are no choices, or they are none. */
function readFinishReasons(choices: unknown): readonly string[] | undefined {
  if (!Array.isArray(choices) || choices.length === 0) {
    return undefined;
  }
  const reasons: string[] = [];
  for (const entry of choices) {
    const choice = toJson(entry);
    if (choice === undefined || (choice.message === undefined && choice.text === undefined)) {
      return undefined;
    }
    if (typeof choice.finish_reason === "string" && choice.finish_reason !== "") {
      reasons.push(choice.finish_reason);
    }
  }
  return reasons;
}

function parse(bytes: Buffer): Json | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    // Google wraps errors in a list of one. An answer in a list is none.
    const first = Array.isArray(value) ? toJson(value[0]) : undefined;
    return first === undefined ? toJson(value) : { error: first.error };
  } catch {
    return undefined;
  }
}

/** Servers keep the line alive with blank lines before the answer, and some send a byte order mark. */
function trim(body: Buffer): Buffer {
  let start = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  let end = body.length;
  while (start < end && isBlank(body[start])) {
    start += 1;
  }
  while (end > start && isBlank(body[end - 1])) {
    end -= 1;
  }
  return start === 0 && end === body.length ? body : body.subarray(start, end);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
