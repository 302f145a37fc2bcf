import {
  type ChatAnswer,
  toAnswerSteps,
  toCompletion,
  toEvent,
  toJsonSteps,
  toPartialStreamSteps,
} from "./chat-answer.ts";
import { readChatQuestion } from "./chat-question.ts";
import { type Fault, findFault, knownFaults } from "./fault-names.ts";
import type { LocalScript, LocalStep } from "./local-step.ts";

const connected: LocalStep = { kind: "connected" };
const loremWords = "This answer comes from the provider fault and says word after word".split(" ");

/** What the fault provider does with a request. A name that it does not know is a model that does not exist. */
export const answerWithFault: LocalScript = ({ body }, nowMs) => {
  const question = readChatQuestion(body);
  const fault = findFault(question.model);
  if (fault === undefined) {
    return toUnknownModelSteps(question.model);
  }
  const wordCount = fault.kind === "cut" ? Math.max(fault.after + 1, loremWords.length) : loremWords.length;
  const words = Array.from({ length: wordCount }, (_, index) => loremWords[index % loremWords.length]);
  return toFaultSteps(fault, { question, text: words.join(" "), nowMs });
};

function toFaultSteps(fault: Fault, answer: ChatAnswer): Iterable<LocalStep> {
  switch (fault.kind) {
    case "status":
      return [connected, ...toStatusSteps(fault.status, fault.retryAfterSeconds)];
    case "slow":
      return toAnswerSteps(answer, fault.delayMs);
    case "connect":
      return [fault.failure === undefined ? { kind: "hang" } : { kind: "fail", failure: fault.failure }];
    case "hang":
      return [connected, { kind: "hang" }];
    case "reset":
      return [connected, { kind: "fail", failure: "reset" }];
    case "body":
      return [
        connected,
        { kind: "head", status: fault.status, headers: { "content-type": fault.contentType } },
        { kind: "data", bytes: Buffer.from(fault.text) },
        { kind: "end" },
      ];
    case "cut":
      return fault.by === "error" ? toErrorInsideSteps(answer, fault.after) : toCutSteps(answer, fault.after, fault.by);
  }
}

function* toCutSteps(answer: ChatAnswer, after: number, by: "end" | "reset" | "hang"): Generator<LocalStep> {
  if (answer.question.stream) {
    yield* toPartialStreamSteps(answer, after);
  } else {
    const completion = Buffer.from(JSON.stringify(toCompletion(answer)));
    yield connected;
    yield { kind: "head", status: 200, headers: { "content-type": "application/json" } };
    yield { kind: "data", bytes: completion.subarray(0, completion.length / 2) };
  }
  yield by === "reset" ? { kind: "fail", failure: "reset" } : { kind: by };
}

function toErrorInsideSteps(answer: ChatAnswer, after: number): Iterable<LocalStep> {
  const error = toError("The provider fault was told to fail here.", "server_error", null);
  return answer.question.stream ? toErrorEventSteps(answer, after, error) : [connected, ...toJsonSteps(200, error)];
}

function* toErrorEventSteps(answer: ChatAnswer, after: number, error: object): Generator<LocalStep> {
  const isFirst = after === 0;
  for (const step of toPartialStreamSteps(answer, after)) {
    if (!(isFirst && step.kind === "data")) {
      yield step;
    }
  }
  yield { kind: "data", bytes: toEvent(error) };
  yield { kind: "end" };
}

function toStatusSteps(status: number, retryAfterSeconds: number | undefined): Iterable<LocalStep> {
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  const error = toError(`The provider fault was told to answer ${status}.`, type, null);
  return toJsonSteps(
    status,
    error,
    retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
  );
}

function toUnknownModelSteps(model: string): LocalStep[] {
  const message = `The model '${model}' does not exist; the provider fault knows ${knownFaults.join(", ")}.`;
  return [connected, ...toJsonSteps(404, toError(message, "invalid_request_error", "model_not_found"))];
}

function toError(message: string, type: string, code: string | null): object {
  return { error: { message, type, param: null, code } };
}
