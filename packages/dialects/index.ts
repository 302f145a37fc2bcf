export { credentialHeaders } from "./credential-headers.ts";
export { deadlineHeader, parseDeadlineMs } from "./deadline-header.ts";
export type { BodyFault, ByteSpan, ChatBody } from "./openai-chat/chat-body.ts";
export { isBodyFault } from "./openai-chat/chat-body.ts";
export { type ChatBodyInspection, inspectChatBody } from "./openai-chat/inspect-chat-body.ts";
export {
  type OpenAiError,
  toClassName,
  toDecisionName,
  toOpenAiErrorAttempts,
  toOpenAiErrorBody,
  toOpenAiErrorEvent,
  toRoleName,
} from "./openai-chat/openai-error.ts";
export { toOpenAiModel, toOpenAiModelsBody } from "./openai-chat/openai-models.ts";
export { rewriteAnswerModel, rewriteEventModel } from "./openai-chat/rewrite-answer-model.ts";
export { type ChatBodyChanges, rewriteChatBody } from "./openai-chat/rewrite-chat-body.ts";
export { scanChatBody } from "./openai-chat/scan-chat-body.ts";
export { skipColon, skipString, skipValue, skipWhiteSpace } from "./openai-chat/skip-json.ts";
