import { describe, expect, it } from "vitest";
import { findProvider, type Provider } from "#providers";
import { JsonInsteadOfStream } from "./json-instead-of-stream.ts";

const provider = findProvider("openai") as Provider;

function read(body: unknown) {
  const json = new JsonInsteadOfStream(provider, "application/json");
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  json.push(bytes.subarray(0, 5));
  json.push(bytes.subarray(5));
  return json.read();
}

describe("JSON where a stream was asked for", () => {
  it("that is a whole answer becomes its events", () => {
    const call = { id: "t1", type: "function", function: { name: "look", arguments: "{}" } };
    const message = { role: "assistant", content: "hello", tool_calls: [call] };
    const events = read({
      id: "c-1",
      object: "chat.completion",
      created: 1,
      model: "m",
      choices: [{ index: 0, message, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    });
    const told = Array.isArray(events) ? events : [];
    expect(told.map(({ isFinished, isUsageOnly, isDone }) => [isFinished, isUsageOnly, isDone])).toEqual([
      [true, false, false],
      [true, true, false],
      [true, false, true],
    ]);
    expect(JSON.parse(String(told[0]?.bytes).slice("data: ".length))).toEqual({
      id: "c-1",
      object: "chat.completion.chunk",
      created: 1,
      model: "m",
      choices: [{ index: 0, delta: { ...message, tool_calls: [{ index: 0, ...call }] }, finish_reason: "stop" }],
    });
    expect(told[1]?.usage).toMatchObject({ inputTokens: 3, outputTokens: 1 });
  });

  it.each([
    ["an error", { error: { message: "no", type: "server_error" } }],
    ["no answer at all", { hello: 1 }],
    ["no JSON", "<html>"],
  ])("that is %s is a failure", (_name, body) => {
    expect(read(body)).toHaveProperty("failureClass");
  });
});
