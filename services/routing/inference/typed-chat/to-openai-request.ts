import type { inferenceV1 } from "#contracts";
import { invalidFields } from "#rpc";
import { toOpenAiMessage } from "./to-openai-message.ts";

type Json = Record<string, unknown>;

// Fields of the OpenAI request that a typed field, or the method itself, decides.
const typedFields = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "temperature",
  "top_p",
  "max_tokens",
  "max_completion_tokens",
  "stop",
  "n",
  "seed",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "response_format",
  "reasoning_effort",
]);

/** The OpenAI chat body of a typed request. Throws INVALID_ARGUMENT, naming the field, for what has no such form. */
export function toOpenAiRequest(request: inferenceV1.ChatCompletionRequest, stream: boolean): Buffer {
  const body: Json = {
    model: request.endpoint,
    messages: request.messages.map(toOpenAiMessage),
    stream: stream ? true : undefined,
    temperature: request.temperature,
    top_p: request.topP,
    max_completion_tokens: request.maxTokens,
    stop: request.stop.length === 0 ? undefined : request.stop,
    n: request.n,
    seed: toSeed(request.seed),
    tools: request.tools.length === 0 ? undefined : request.tools.map(toOpenAiTool),
    tool_choice: toOpenAiToolChoice(request.toolChoice),
    parallel_tool_calls: request.parallelToolCalls,
    response_format: toOpenAiResponseFormat(request.responseFormat),
    reasoning_effort: request.reasoningEffort,
    ...checkedExtra(request.extra),
  };
  return Buffer.from(JSON.stringify(body));
}

function checkedExtra(extra: Json | undefined): Json {
  const fields = extra ?? {};
  const collisions = Object.keys(fields).filter((name) => typedFields.has(name));
  if (collisions.length > 0) {
    throw invalidFields(
      collisions.map((name) => ({
        field: `extra.${name}`,
        description: "is decided by a typed field or by the method",
      })),
    );
  }
  return fields;
}

function toSeed(seed: bigint | undefined): number | undefined {
  if (seed === undefined) {
    return undefined;
  }
  if (!Number.isSafeInteger(Number(seed))) {
    throw invalidFields([{ field: "seed", description: "must be between -(2^53 - 1) and 2^53 - 1" }]);
  }
  return Number(seed);
}

function toOpenAiTool(tool: inferenceV1.Tool): Json {
  const { name, description, parameters, strict } = tool;
  return { type: "function", function: { name, description: description || undefined, parameters, strict } };
}

function toOpenAiToolChoice(toolChoice: inferenceV1.ToolChoice | undefined): unknown {
  const choice = toolChoice?.choice;
  return choice?.$case === "functionName" ? { type: "function", function: { name: choice.value } } : choice?.value;
}

function toOpenAiResponseFormat(responseFormat: inferenceV1.ResponseFormat | undefined): Json | undefined {
  const format = responseFormat?.format;
  switch (format?.$case) {
    case "text":
      return { type: "text" };
    case "jsonObject":
      return { type: "json_object" };
    case "jsonSchema": {
      const { name, description, schema, strict } = format.value;
      return { type: "json_schema", json_schema: { name, description: description || undefined, schema, strict } };
    }
    default:
      return undefined;
  }
}
