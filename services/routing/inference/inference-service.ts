import type { inferenceV1 } from "#contracts";
import type { CallContext, Service } from "#rpc";
import { mayUse } from "../gate/gate.ts";
import { echoedModel } from "./echoed-model.ts";
import type { InferenceHost } from "./inference-host.ts";
import { OpenAiStreamWriter } from "./openai-stream-writer.ts";
import { admit, prepareRequest } from "./prepare-request.ts";
import { runUnary } from "./run-unary.ts";
import { StreamCall } from "./stream-call.ts";
import { chatCompletion, streamChatCompletion } from "./typed-chat/typed-chat.ts";

const jsonType = "application/json";

/** The data plane. */
export function createInferenceService(host: InferenceHost): Service<inferenceV1.InferenceServiceDefinition> {
  return {
    invoke: (request, context) => invoke(host, request, context),
    streamInvoke: (request, context) => streamInvoke(host, request, context),
    chatCompletion: (request, context) => chatCompletion(host, request, context),
    streamChatCompletion: (request, context) => streamChatCompletion(host, request, context),
    listModels: (_request, context) => listModels(host, context),
  };
}

async function invoke(
  host: InferenceHost,
  { endpoint, dialect, body, headers }: inferenceV1.InvokeRequest,
  context: CallContext | undefined,
): Promise<inferenceV1.InvokeResponse> {
  host.activeCalls.admit();
  const prepared = prepareRequest(host.intake, { endpoint, dialect, body, headers, stream: false }, context);
  const answer = await runUnary(host, prepared, context);
  return { body: answer.body, contentType: jsonType, trail: answer.trail };
}

function streamInvoke(
  host: InferenceHost,
  { endpoint, dialect, body, headers }: inferenceV1.StreamInvokeRequest,
  context: CallContext | undefined,
): AsyncIterable<inferenceV1.StreamInvokeResponse> {
  return new StreamCall(host, {
    prepare: () => prepareRequest(host.intake, { endpoint, dialect, body, headers, stream: true }, context),
    createWriter: (request) => new OpenAiStreamWriter(request.body.includesUsage, echoedModel(request.endpoint)),
    context,
  });
}

async function listModels(
  host: InferenceHost,
  context: CallContext | undefined,
): Promise<inferenceV1.ListModelsResponse> {
  host.activeCalls.admit();
  const { snapshot, key } = admit(host.intake, context);
  const models = [...snapshot.endpoints.values()]
    .filter(({ name }) => mayUse(key, name))
    .map(({ name, createdAtMs, description }) => ({ name, createdAt: createdAtMs, description }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  return { models, revision: snapshot.revision };
}
