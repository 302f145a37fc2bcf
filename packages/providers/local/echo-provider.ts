import { toAnswerSteps } from "./chat-answer.ts";
import { readChatQuestion } from "./chat-question.ts";
import { createLocalProvider } from "./local-provider.ts";
import type { LocalScript } from "./local-step.ts";

/**
 * Answers with the last message of the user, for trying out. Its usage counts words, runs of characters that are not blank: those
 * of all messages as prompt tokens, those of the answer as completion tokens. Tools are ignored.
 */
export const echoProvider = createLocalProvider("echo");

/** What the echo provider does with a request. */
export const answerWithEcho: LocalScript = ({ body }, nowMs) => {
  const question = readChatQuestion(body);
  return toAnswerSteps({ question, text: question.lastUserText, nowMs });
};
