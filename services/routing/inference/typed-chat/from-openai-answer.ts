import { inferenceV1 } from "#contracts";
import { toWireCount } from "../../attempts/wire-count.ts";
import { type OpenAiAnswer, type OpenAiChoice, type OpenAiUsage, reasoningOf, textOf } from "./openai-answer.ts";

/** The typed response of an OpenAI chat completion. */
export function fromOpenAiAnswer(body: Buffer, trail: inferenceV1.RouteTrail): inferenceV1.ChatCompletionResponse {
  const { id, model, created, choices, usage, ...extra } = JSON.parse(body.toString()) as OpenAiAnswer;
  return {
    id: id ?? "",
    model: model ?? "",
    created: toWireCount(created),
    choices: (choices ?? []).map(fromChoice),
    usage: fromOpenAiUsage(usage),
    trail,
    extra,
  };
}

/** Typed token counts; undefined when there are none. */
export function fromOpenAiUsage(usage: OpenAiUsage | null | undefined): inferenceV1.Usage | undefined {
  if (usage === null || usage === undefined) {
    return undefined;
  }
  const input = usage.prompt_tokens ?? 0;
  const output = usage.completion_tokens ?? 0;
  return {
    inputTokens: toWireCount(input),
    outputTokens: toWireCount(output),
    totalTokens: toWireCount(usage.total_tokens ?? input + output),
    cachedInputTokens: toWireCount(usage.prompt_tokens_details?.cached_tokens),
    reasoningTokens: toWireCount(usage.completion_tokens_details?.reasoning_tokens),
  };
}

function fromChoice(choice: OpenAiChoice, place: number): inferenceV1.ChatChoice {
  const said = choice.message ?? {};
  const text = textOf(said);
  return {
    index: choice.index ?? place,
    message: {
      role: inferenceV1.ChatRole.ASSISTANT,
      content: text === "" ? [] : [{ part: { $case: "text", value: text } }],
      toolCalls: (said.tool_calls ?? []).map((call) => ({
        id: call.id ?? "",
        name: call.function?.name ?? "",
        arguments: call.function?.arguments ?? "",
      })),
      toolCallId: "",
      name: "",
    },
    finishReason: choice.finish_reason ?? "",
    refusal: said.refusal ?? "",
    reasoning: reasoningOf(said),
  };
}
