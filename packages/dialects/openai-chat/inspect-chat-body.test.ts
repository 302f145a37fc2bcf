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

  it("takes a part for an image by its type, whatever else stands in it", () => {
    const image = { type: "image_url", image_url: { url: "https://images.example/1.png" }, text: "a horse" };
    expect(inspect({ messages: [{ role: "user", content: [image] }] })).toMatchObject({
      hasImages: true,
      estimatedInputTokens: 1000,
    });
  });

  it("counts a sound or a file like an image, which it is none", () => {
    const sound = { type: "input_audio", input_audio: { data: "A".repeat(100_000), format: "wav" } };
    const file = { type: "file", file: { file_id: "file-1" } };
    const inspection = inspect({ messages: [{ role: "user", content: [sound, file] }] });
    expect(inspection).toMatchObject({ hasImages: false, estimatedInputTokens: 2000 });
  });

  it("counts the text of a refusal that an assistant's message repeats", () => {
    const refusal = { type: "refusal", refusal: "x".repeat(40) };
    expect(inspect({ messages: [{ role: "assistant", content: [refusal] }] }).estimatedInputTokens).toBe(10);
  });

  it("counts the calls of tools that earlier messages made", () => {
    const calls = [{ id: "1", type: "function", function: { name: "f", arguments: "x".repeat(4_000) } }];
    const { estimatedInputTokens } = inspect({ messages: [{ role: "assistant", content: null, tool_calls: calls }] });
    expect(estimatedInputTokens).toBe(Math.ceil(JSON.stringify(calls).length / 4));
  });

  it("finds functions, the older name of tools", () => {
    expect(inspect({ functions: [{ name: "f", parameters: {} }] }).hasTools).toBe(true);
    expect(inspect({ functions: [], tools: [] }).hasTools).toBe(false);
  });

  it("finds nothing in a body that the scan lets pass and that is no JSON", () => {
    const body = scanChatBody(Buffer.from('{"model":"chat","messages":[{"content":"a\tb"}],"tools":[1]}'));
    expect(inspectChatBody(body as ChatBody)).toMatchObject({
      hasTools: false,
      estimatedInputTokens: 0,
      value: undefined,
    });
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
      messages: [1, null, [], { content: [1, null, "text", []], tool_calls: "f" }],
    });
    expect(inspection).toMatchObject({ hasTools: false, maxTokens: 0, metadata: {}, estimatedInputTokens: 0 });
  });
});
