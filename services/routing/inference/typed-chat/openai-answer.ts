/** What is read of the JSON of an OpenAI chat completion or chunk. Providers leave out or null what they like. */
export interface OpenAiAnswer {
  readonly id?: string | null;
  readonly model?: string | null;
  readonly created?: number | null;
  readonly choices?: readonly OpenAiChoice[] | null;
  readonly usage?: OpenAiUsage | null;
}

/** One choice; `message` in an answer, `delta` in a chunk. */
export interface OpenAiChoice {
  readonly index?: number | null;
  readonly message?: OpenAiSaid | null;
  readonly delta?: OpenAiSaid | null;
  readonly finish_reason?: string | null;
}

/** What a model said, whole or in part. */
export interface OpenAiSaid {
  readonly content?: string | readonly { readonly type?: string; readonly text?: string }[] | null;
  readonly refusal?: string | null;
  readonly reasoning_content?: string | null;
  readonly reasoning?: string | null;
  readonly tool_calls?: readonly OpenAiToolCall[] | null;
}

/** A tool call, whole or in part. */
export interface OpenAiToolCall {
  readonly index?: number | null;
  readonly id?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: string | null } | null;
}

/** Token counts, in OpenAI's words. */
export interface OpenAiUsage {
  readonly prompt_tokens?: number | null;
  readonly completion_tokens?: number | null;
  readonly total_tokens?: number | null;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number | null } | null;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number | null } | null;
}

/** The text of what was said; parts that are no text are left out. */
export function textOf({ content }: OpenAiSaid): string {
  if (typeof content === "string") {
    return content;
  }
  return (content ?? []).map(({ text }) => (typeof text === "string" ? text : "")).join("");
}

/** The reasoning that was shown, under either of its names. */
export function reasoningOf(said: OpenAiSaid): string {
  const reasoning = said.reasoning_content ?? said.reasoning;
  return typeof reasoning === "string" ? reasoning : "";
}
