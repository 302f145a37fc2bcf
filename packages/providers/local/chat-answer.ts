import { type ChatQuestion, countWords } from "./chat-question.ts";
import type { LocalStep } from "./local-step.ts";

/** The answer of a local provider: what it says, to which question, when. */
export interface ChatAnswer {
  readonly question: ChatQuestion;
  readonly text: string;
  readonly nowMs: number;
}

const streamHeaders = { "content-type": "text/event-stream; charset=utf-8" };
const jsonHeaders = { "content-type": "application/json" };
const doneEvent = Buffer.from("data: [DONE]\n\n");

/** A whole answer in OpenAI's wire format after a while, streamed word by word when the question asks for a stream. */
export function* toAnswerSteps(answer: ChatAnswer, delayMs = 0): Generator<LocalStep> {
  yield { kind: "connected" };
  if (delayMs > 0) {
    yield { kind: "wait", waitMs: delayMs };
  }
  yield* answer.question.stream ? toStreamSteps(answer) : toJsonSteps(200, toCompletion(answer));
}

function* toStreamSteps(answer: ChatAnswer): Generator<LocalStep> {
  yield { kind: "head", status: 200, headers: streamHeaders };
  yield* toDeltaSteps(answer, Number.POSITIVE_INFINITY);
  yield { kind: "data", bytes: toEvent(toChunk(answer, {}, "stop")) };
  if (answer.question.includesUsage) {
    yield { kind: "data", bytes: toEvent({ ...toChunk(answer, {}, null), choices: [], usage: toUsage(answer) }) };
  }
  yield { kind: "data", bytes: doneEvent };
  yield { kind: "end" };
}

/** The beginning of a streamed answer: its head, its role, and so many of its words. */
export function* toPartialStreamSteps(answer: ChatAnswer, wordCount: number): Generator<LocalStep> {
  yield { kind: "connected" };
  yield { kind: "head", status: 200, headers: streamHeaders };
  yield* toDeltaSteps(answer, wordCount);
}

/** A JSON answer of any status, from its head to its end. */
export function* toJsonSteps(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Generator<LocalStep> {
  yield { kind: "head", status, headers: { ...jsonHeaders, ...headers } };
  yield { kind: "data", bytes: Buffer.from(JSON.stringify(body)) };
  yield { kind: "end" };
}

/** The completion object of an answer. */
export function toCompletion(answer: ChatAnswer): object {
  const message = { role: "assistant", content: answer.text, refusal: null };
  return {
    id: toId(answer),
    object: "chat.completion",
    created: Math.floor(answer.nowMs / 1_000),
    model: answer.question.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    usage: toUsage(answer),
  };
}

/** One server-sent event. */
export function toEvent(data: unknown): Buffer {
  return Buffer.from(`data: ${JSON.stringify(data)}\n\n`);
}

function* toDeltaSteps(answer: ChatAnswer, wordCount: number): Generator<LocalStep> {
  yield { kind: "data", bytes: toEvent(toChunk(answer, { role: "assistant", content: "" }, null)) };
  // Each piece keeps the blank space after its word, so that the pieces together are the text.
  const pieces = answer.text === "" ? [] : answer.text.split(/(?<=\s)(?=\S)/);
  for (let index = 0; index < Math.min(pieces.length, wordCount); index += 1) {
    yield { kind: "data", bytes: toEvent(toChunk(answer, { content: pieces[index] }, null)) };
  }
}

function toChunk(answer: ChatAnswer, delta: object, finishReason: string | null): object {
  return {
    id: toId(answer),
    object: "chat.completion.chunk",
    created: Math.floor(answer.nowMs / 1_000),
    model: answer.question.model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  };
}

function toId(answer: ChatAnswer): string {
  return `chatcmpl-local-${Math.floor(answer.nowMs)}`;
}

function toUsage({ question, text }: ChatAnswer): object {
  const promptTokens = question.wordCount;
  const completionTokens = countWords(text);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
