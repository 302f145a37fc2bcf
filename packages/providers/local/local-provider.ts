import { rewriteChatBody } from "#dialects";
import { classifyErrorAnswer } from "../failures/classify-error.ts";
import { ChatStreamDecoder } from "../openai/chat-stream-decoder.ts";
import { readChatCompletion } from "../openai/read-chat-completion.ts";
import { PostRequest } from "../post-request.ts";
import type { Provider, ProviderCall, ProviderRequest } from "../provider.ts";

/** A provider that answers in this process, in OpenAI's wire format, so that it is read like any other. */
export function createLocalProvider(id: string, validateModel?: (model: string) => string | undefined): Provider {
  return {
    id,
    authModes: [{ mode: "none", secretFields: [], configFields: [], headerFields: [] }],
    needsBaseUrl: false,
    transport: "local",
    ...(validateModel === undefined ? {} : { validateModel }),
    buildRequest: (call) => buildRequest(id, call),
    readResponse: (body) => readChatCompletion(body, {}),
    createStreamDecoder: (choiceCount) => new ChatStreamDecoder({ choiceCount }),
    classify: (answer) => classifyErrorAnswer(answer),
  };
}

function buildRequest(id: string, call: ProviderCall): ProviderRequest {
  return new PostRequest({
    origin: `local://${id}`,
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json" },
    body: rewriteChatBody(call.body, { model: call.model, includeUsage: call.stream }),
  });
}
