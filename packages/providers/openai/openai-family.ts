import type { OpenAiWireRow } from "./openai-wire-row.ts";

/** Providers that speak OpenAI's wire. To add one, add a row, and what it sends on the wire to the folder of fixtures. */
export const openAiFamily: readonly OpenAiWireRow[] = [
  { id: "openai", baseUrl: "https://api.openai.com/v1", needsKey: true },
  { id: "openai-compatible", baseUrl: undefined, needsKey: false },
  { id: "vllm", baseUrl: undefined, needsKey: false },
  { id: "litellm", baseUrl: undefined, needsKey: false },
  {
    id: "groq",
    baseUrl: "https://api.groq.com/openai/v1",
    needsKey: true,
    quirks: { sendsUsageUnasked: true },
  },
  { id: "deepseek", baseUrl: "https://api.deepseek.com/v1", needsKey: true },
  { id: "xai", baseUrl: "https://api.x.ai/v1", needsKey: true, quirks: { addsReasoningTokens: true } },
  { id: "openrouter", baseUrl: "https://openrouter.ai/api/v1", needsKey: true },
  { id: "moonshot", baseUrl: "https://api.moonshot.ai/v1", needsKey: true },
];
