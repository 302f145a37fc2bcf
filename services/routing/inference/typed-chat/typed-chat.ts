import { inferenceV1 } from "#contracts";
import { credentialHeaders } from "#dialects";
import { type CallContext, invalidFields } from "#rpc";
import type { ChainRequest } from "../../attempts/chain-request.ts";
import { echoedModel } from "../echoed-model.ts";
import type { InferenceHost } from "../inference-host.ts";
import { admit, prepareRequest } from "../prepare-request.ts";
import { runUnary } from "../run-unary.ts";
import { StreamCall } from "../stream-call.ts";
import { fromOpenAiAnswer } from "./from-openai-answer.ts";
import { toOpenAiRequest } from "./to-openai-request.ts";
import { TypedStreamWriter } from "./typed-stream-writer.ts";

/** Answers a typed chat request; the same engine runs it as any other. */
export async function chatCompletion(
  host: InferenceHost,
  request: inferenceV1.ChatCompletionRequest,
  context: CallContext | undefined,
): Promise<inferenceV1.ChatCompletionResponse> {
  host.activeCalls.admit();
  const { body, trail } = await runUnary(host, prepareTyped(host, { request, stream: false }, context), context);
  return fromOpenAiAnswer(body, trail);
}

/** Answers a typed chat request piece by piece. */
export function streamChatCompletion(
  host: InferenceHost,
  { request }: inferenceV1.StreamChatCompletionRequest,
  context: CallContext | undefined,
): AsyncIterable<inferenceV1.StreamChatCompletionResponse> {
  return new StreamCall(host, {
    prepare: () => prepareTyped(host, { request, stream: true }, context),
    createWriter: ({ endpoint }) => new TypedStreamWriter(echoedModel(endpoint)),
    context,
  });
}

/** Rules and sticky keys may read a caller's metadata, but for what opens something. */
function withoutCredentials(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const name in metadata) {
    if (!credentialHeaders.has(name)) {
      kept[name] = metadata[name] ?? "";
    }
  }
  return kept;
}

interface TypedRequest {
  readonly request: inferenceV1.ChatCompletionRequest | undefined;
  readonly stream: boolean;
}

function prepareTyped(
  host: InferenceHost,
  { request, stream }: TypedRequest,
  context: CallContext | undefined,
): ChainRequest {
  // Before any work on the message: it may be large, and its caller a stranger.
  admit(host.intake, context);
  if (request === undefined) {
    throw invalidFields([{ field: "request", description: "must be set" }]);
  }
  return prepareRequest(
    host.intake,
    {
      endpoint: request.endpoint,
      dialect: inferenceV1.Dialect.OPENAI_CHAT,
      body: toOpenAiRequest(request, stream),
      headers: withoutCredentials(context?.metadata ?? {}),
      stream,
    },
    context,
  );
}
