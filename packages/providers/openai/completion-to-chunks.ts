import { type Json, toJson } from "../failures/json-value.ts";

/**
 * The events of a stream that says what this whole completion says: its text, its end, its usage and `[DONE]`, for a caller who
 * asked for a stream of a provider that does not stream.
 */
export function* toStreamChunks(completion: Json): Generator<Buffer> {
  const { choices, usage, ...shared } = completion;
  const base = { ...shared, object: "chat.completion.chunk" };
  const all = (Array.isArray(choices) ? choices : []).map((choice: unknown) => toJson(choice) ?? {});
  yield toEvent({ ...base, choices: all.map((choice, position) => toDeltaChoice(choice, position)) });
  yield toEvent({ ...base, choices: all.map((choice, position) => toFinishChoice(choice, position)) });
  if (toJson(usage) !== undefined) {
    yield toEvent({ ...base, choices: [], usage });
  }
  yield Buffer.from("data: [DONE]\n\n");
}

function toDeltaChoice({ index, message, text, logprobs }: Json, position: number): Json {
  const { tool_calls: toolCalls, ...rest } = toJson(message) ?? { role: "assistant", content: text };
  const delta = Array.isArray(toolCalls)
    ? { ...rest, tool_calls: toolCalls.map((call: unknown, order) => ({ index: order, ...toJson(call) })) }
    : rest;
  return { index: index ?? position, delta, logprobs: logprobs ?? null, finish_reason: null };
}

function toFinishChoice({ index, finish_reason: reason }: Json, position: number): Json {
  return { index: index ?? position, delta: {}, logprobs: null, finish_reason: reason ?? null };
}

function toEvent(chunk: Json): Buffer {
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
}
