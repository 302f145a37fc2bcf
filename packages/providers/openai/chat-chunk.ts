import { type Json, toJson } from "../failures/json-value.ts";

/** Whether a delta, or a message, carries output: text, a tool call, reasoning, a refusal, audio or images. */
export function hasOutput(value: unknown): boolean {
  const delta = toJson(value);
  return (
    delta !== undefined &&
    (isText(delta.content) ||
      hasParts(delta.content) ||
      isFilled(delta.tool_calls) ||
      isText(delta.reasoning_content) ||
      isText(delta.reasoning) ||
      isText(delta.refusal) ||
      hasRareOutput(delta))
  );
}

function hasRareOutput(delta: Json): boolean {
  return (
    isText(delta.thinking) ||
    isFilled(delta.reasoning_details) ||
    isFilled(delta.images) ||
    toJson(delta.function_call) !== undefined ||
    hasAudio(delta.audio)
  );
}

/** An audio object that so far has only an id is none yet. */
function hasAudio(value: unknown): boolean {
  const audio = toJson(value);
  return audio !== undefined && (isText(audio.data) || isText(audio.transcript));
}

/** Content in parts, as reasoning models of Mistral and others send it: `[{type, text}]`, `[{type, thinking: [{text}]}]`. */
function hasParts(content: unknown): boolean {
  return Array.isArray(content) && content.some(isFilledPart);
}

function isFilledPart(value: unknown): boolean {
  const part = toJson(value);
  if (part === undefined) {
    return isText(value);
  }
  const inner = part.text ?? part.thinking ?? part.summary;
  return inner === undefined ? Object.keys(part).length > 1 : isText(inner) || hasParts(inner);
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
