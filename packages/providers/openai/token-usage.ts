import { toJson } from "../failures/json-value.ts";
import type { TokenUsage } from "../provider.ts";

/** Reads a `usage` object; undefined when it is none. With `addsReasoning`, output tokens do not yet include reasoning. */
export function readTokenUsage(value: unknown, addsReasoning: boolean): TokenUsage | undefined {
  const usage = toJson(value);
  if (usage === undefined) {
    return undefined;
  }
  const inputTokens = toCount(usage.prompt_tokens) ?? toCount(usage.input_tokens);
  const outputTokens = toCount(usage.completion_tokens) ?? toCount(usage.output_tokens);
  if (inputTokens === undefined && outputTokens === undefined) {
    return undefined;
  }
  const reasoning = addsReasoning ? toCount(toJson(usage.completion_tokens_details)?.reasoning_tokens) : undefined;
  return { inputTokens: inputTokens ?? 0, outputTokens: (outputTokens ?? 0) + (reasoning ?? 0) };
}

function toCount(value: unknown): number | undefined {
  const isCount = typeof value === "number" && Number.isFinite(value) && value >= 0;
  return isCount ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER) : undefined;
}
