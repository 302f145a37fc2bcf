import { classifyErrorAnswer } from "../failures/classify-error.ts";
import type { AuthMode, Provider } from "../provider.ts";
import { buildChatRequest } from "./build-chat-request.ts";
import { ChatStreamDecoder } from "./chat-stream-decoder.ts";
import type { OpenAiWireRow } from "./openai-wire-row.ts";
import { readChatCompletion } from "./read-chat-completion.ts";

const configFields = ["api_base", "organization", "project"];
const headerFields = ["api_key", "organization", "project"];
const keyMode: AuthMode = { mode: "api_key", secretFields: ["api_key"], configFields, headerFields };
const noKeyMode: AuthMode = { mode: "none", secretFields: [], configFields, headerFields };

/** A provider that speaks OpenAI's chat completions. */
export function createOpenAiWireProvider(row: OpenAiWireRow): Provider {
  const quirks = row.quirks ?? {};
  const { codes } = row;
  return {
    id: row.id,
    authModes: row.needsKey ? [keyMode] : [keyMode, noKeyMode],
    needsBaseUrl: row.baseUrl === undefined,
    transport: "http",
    buildRequest: (call) => buildChatRequest(call, row),
    readResponse: (body) => readChatCompletion(body, quirks),
    createStreamDecoder: (choiceCount) => new ChatStreamDecoder({ quirks, choiceCount }),
    classify: (answer) => classifyErrorAnswer(answer, { codes }),
  };
}
