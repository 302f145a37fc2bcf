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

function* toFaultSteps(fault: Fault, answer: ChatAnswer): Generator<LocalStep> {
  switch (fault.kind) {
    case "status":
      yield { kind: "connected" };
      yield* toStatusSteps(fault.status, fault.retryAfterSeconds);
      return;
    case "slow":
      yield* toAnswerSteps(answer, fault.delayMs);
      return;
    case "connect":
      yield fault.failure === undefined ? { kind: "hang" } : { kind: "fail", failure: fault.failure };
      return;
    case "hang":
      yield { kind: "connected" };
      yield { kind: "hang" };
      return;
    case "reset":
      yield { kind: "connected" };
      yield { kind: "fail", failure: "reset" };
      return;
    case "body":
      yield { kind: "connected" };
      yield { kind: "head", status: fault.status, headers: { "content-type": fault.contentType } };
      yield { kind: "data", bytes: Buffer.from(fault.text) };
      yield { kind: "end" };
      return;
    case "cut":
      yield* toCutSteps(fault, answer);
  }
}

function* toCutSteps({ after, by }: Extract<Fault, { kind: "cut" }>, answer: ChatAnswer): Generator<LocalStep> {
  if (by === "error") {
    yield* toErrorInsideSteps(answer, after);
    return;
  }
  if (answer.question.stream) {
    yield* toPartialStreamSteps(answer, after);
  } else {
    const completion = Buffer.from(JSON.stringify(toCompletion(answer)));
    yield { kind: "connected" };
    yield { kind: "head", status: 200, headers: { "content-type": "application/json" } };
    yield { kind: "data", bytes: completion.subarray(0, completion.length / 2) };
  }
  if (by === "reset") {
    yield { kind: "fail", failure: "reset" };
  } else {
    yield { kind: by };
  }
}

function* toErrorInsideSteps(answer: ChatAnswer, after: number): Generator<LocalStep> {
  const error = toError("The provider fault was told to fail here.", "server_error", null);
  if (!answer.question.stream) {
    yield { kind: "connected" };
    yield* toJsonSteps(200, error);
    return;
  }
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

function* toUnknownModelSteps(model: string): Generator<LocalStep> {
  const message = `The model '${model}' does not exist; the provider fault knows ${knownFaults.join(", ")}.`;
  yield { kind: "connected" };
  yield* toJsonSteps(404, toError(message, "invalid_request_error", "model_not_found"));
}

function toError(message: string, type: string, code: string | null): object {
  return { error: { message, type, param: null, code } };
}
