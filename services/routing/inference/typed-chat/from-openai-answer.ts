import { inferenceV1 } from "#contracts";
import { toWireCount } from "../../attempts/wire-count.ts";
import { indexOf, type OpenAiAnswer, objectOf, objectsOf, reasoningOf, saidText, textOf } from "./openai-answer.ts";
import { withoutDeepMembers } from "./shallow-members.ts";

/** The typed response of an OpenAI chat completion. */
export function fromOpenAiAnswer(body: Buffer, trail: inferenceV1.RouteTrail): inferenceV1.ChatCompletionResponse {
  const { id, model, created, choices, usage, ...extra } = objectOf(JSON.parse(body.toString()));
  return {
    id: textOf(id),
    model: textOf(model),
    created: toWireCount(created),
    choices: objectsOf(choices).map(fromChoice),
    usage: fromOpenAiUsage(usage),
    trail,
    extra: withoutDeepMembers(extra),
  };
}

/** Typed token counts; undefined when there are none. */
export function fromOpenAiUsage(value: unknown): inferenceV1.Usage | undefined {
  if (value === null || value === undefined) {
    return undefined;
  }
  const usage = objectOf(value);
  const inputTokens = toWireCount(usage.prompt_tokens);
  const outputTokens = toWireCount(usage.completion_tokens);
  return {
    inputTokens,
    outputTokens,
    totalTokens: typeof usage.total_tokens === "number" ? toWireCount(usage.total_tokens) : inputTokens + outputTokens,
    cachedInputTokens: toWireCount(objectOf(usage.prompt_tokens_details).cached_tokens),
    reasoningTokens: toWireCount(objectOf(usage.completion_tokens_details).reasoning_tokens),
  };
}

function fromChoice(choice: OpenAiAnswer, place: number): inferenceV1.ChatChoice {
  const said = objectOf(choice.message);
  const text = saidText(said);
  return {
    index: indexOf(choice.index, place),
    message: {
      role: inferenceV1.ChatRole.ASSISTANT,
      content: text === "" ? [] : [{ part: { $case: "text", value: text } }],
      toolCalls: objectsOf(said.tool_calls).map((call) => ({
        id: textOf(call.id),
        name: textOf(objectOf(call.function).name),
        arguments: textOf(objectOf(call.function).arguments),
      })),
      toolCallId: "",
      name: "",
    },
    finishReason: textOf(choice.finish_reason),
    refusal: textOf(said.refusal),
    reasoning: reasoningOf(said),
  };
}
