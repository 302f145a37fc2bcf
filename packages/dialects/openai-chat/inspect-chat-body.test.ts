import { describe, expect, it } from "vitest";
import type { ChatBody } from "./chat-body.ts";
import { inspectChatBody } from "./inspect-chat-body.ts";
import { scanChatBody } from "./scan-chat-body.ts";

function inspect(members: Record<string, unknown>): ReturnType<typeof inspectChatBody> {
  const messages = [{ role: "user", content: "four" }];
  return inspectChatBody(
    scanChatBody(Buffer.from(JSON.stringify({ model: "chat", messages, ...members }))) as ChatBody,
  );
}

describe("inspecting a chat body", () => {
  it("estimates a token for each four bytes of text, in strings and in parts", () => {
    expect(inspect({}).estimatedInputTokens).toBe(1);
    const parts = [{ role: "user", content: [{ type: "text", text: "x".repeat(400) }] }];
    expect(inspect({ messages: parts }).estimatedInputTokens).toBe(100);
  });

  it("counts an image by what it costs, not by the bytes of its data URL", () => {
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(100_000)}` } };
    const inspection = inspect({ messages: [{ role: "user", content: [image] }] });
    expect(inspection).toMatchObject({ hasImages: true, estimatedInputTokens: 1000 });
  });

  it("finds tools, the answer's form and its length", () => {
    const tools = [{ type: "function", function: { name: "f", parameters: {} } }];
    const inspection = inspect({
      tools,
      response_format: { type: "json_schema" },
      max_tokens: 5,
      max_completion_tokens: 7,
    });
    expect(inspection).toMatchObject({ hasTools: true, wantsJsonSchema: true, maxTokens: 7, hasImages: false });
  });

  it("keeps of the metadata what is text", () => {
    expect(inspect({ metadata: { tier: "gold", n: 1 } }).metadata).toEqual({ tier: "gold" });
  });

  it("takes any other shape as not there", () => {
    const inspection = inspect({
      tools: {},
      max_tokens: "7",
      metadata: [],
      response_format: 1,
      messages: [1, null, []],
    });
    expect(inspection).toMatchObject({ hasTools: false, maxTokens: 0, metadata: {}, estimatedInputTokens: 0 });
  });
});
