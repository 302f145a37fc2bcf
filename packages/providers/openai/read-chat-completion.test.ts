import { describe, expect, test } from "vitest";
import { enumName, errorsV1 } from "#contracts";
import { readChatCompletion } from "./read-chat-completion.ts";

const answer = (members: Record<string, unknown> = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "gpt-4o-2024-08-06",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 19, completion_tokens: 10, total_tokens: 29 },
  ...members,
});

/** The same answer small, which is parsed, and large, which is walked over. */
const sizes = [
  ["parsed", ""],
  ["walked over", 'x"\\\n{[é'.repeat(20_000)],
] as const;

function read(value: unknown, quirks = {}): ReturnType<typeof readChatCompletion> {
  return readChatCompletion(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)), quirks);
}

function failureOf(value: unknown): string {
  const response = read(value);
  return response.kind === "failure" ? enumName(errorsV1.FailureClass, response.failure.failureClass) : "answer";
}

describe.each(sizes)("a completion that is %s", (_name, padding) => {
  test("has its bytes passed on, and its usage, model and finish reasons read", () => {
    const text = JSON.stringify({ vendor: padding, ...answer({ padding: { choices: padding } }) });
    const response = read(text);
    expect(response).toMatchObject({
      kind: "answer",
      usage: { inputTokens: 19, outputTokens: 10 },
      model: "gpt-4o-2024-08-06",
      finishReasons: ["stop"],
    });
    expect(response.kind === "answer" && response.body.toString()).toBe(text);
  });

  test("may have blank lines around it, and a byte order mark", () => {
    const text = JSON.stringify(answer({ padding }));
    for (const around of [`\n\r\n \t${text}\n\n`, `\ufeff${text}`]) {
      const response = read(around);
      expect(response.kind === "answer" && response.body.toString()).toBe(text);
    }
  });

  test("may have several choices, no usage and no model", () => {
    const choices = ["stop", "length", null].map((finish_reason, index) => ({
      index,
      message: { content: padding },
      finish_reason,
    }));
    expect(read({ choices })).toMatchObject({
      kind: "answer",
      usage: undefined,
      model: undefined,
      finishReasons: ["stop", "length"],
    });
  });

  test.each([
    ["no choices", { choices: undefined }],
    ["null choices", { choices: null }],
    ["empty choices", { choices: [] }],
    ["choices of another shape", { choices: ["a"] }],
    ["choices without a message", { choices: [{ index: 0 }] }],
    ["an object as choices", { choices: { 0: {} } }],
  ])("with %s is none", (_what, members) => {
    expect(failureOf(answer({ padding, ...members }))).toBe("PROVIDER_BAD_RESPONSE");
  });

  test.each([
    ["an error beside choices", { error: { code: 429, message: "x" } }, "PROVIDER_RATE_LIMITED"],
    ["an error text", { error: "model is overloaded", choices: undefined }, "PROVIDER_OVERLOADED"],
    ["Groq's error", { x_groq: { error: { type: "server_error" } } }, "PROVIDER_ERROR"],
    ["code and message", { choices: undefined, code: 401, message: "x" }, "PROVIDER_CREDENTIALS_REJECTED"],
    ["status and message", { choices: undefined, status: 429, message: "x" }, "PROVIDER_RATE_LIMITED"],
    [
      "a code under another name",
      { choices: undefined, error_code: "rate_limit_exceeded", message: "x" },
      "PROVIDER_RATE_LIMITED",
    ],
    [
      "a choice with an error",
      { choices: [{ error: { code: 503 }, message: {}, finish_reason: "error" }] },
      "PROVIDER_OVERLOADED",
    ],
    ["a null error", { error: null }, "answer"],
    ["an empty error", { error: {} }, "answer"],
    ["an error that is too long to read", { error: { text: "x".repeat(100_000) } }, "PROVIDER_BAD_RESPONSE"],
  ])("with %s", (_what, members, name) => {
    expect(failureOf(answer({ padding, ...members }))).toBe(name);
  });

  test("that is cut is none", () => {
    const text = JSON.stringify(answer({ padding }));
    for (const length of [1, text.length - 1, text.length - 30, Math.floor(text.length / 2)]) {
      expect(failureOf(text.slice(0, length))).toBe("PROVIDER_BAD_RESPONSE");
    }
    expect(failureOf(`${text}}`)).toBe("PROVIDER_BAD_RESPONSE");
    expect(failureOf(`${text.slice(0, -1)},}`)).toBe("PROVIDER_BAD_RESPONSE");
    expect(failureOf(text.replace('"usage"', "usage"))).toBe("PROVIDER_BAD_RESPONSE");
    expect(failureOf(text.replace("gpt-4o-2024", "gpt-4o\n2024"))).toBe("PROVIDER_BAD_RESPONSE");
  });
});

test.each(["", " \n", "<html></html>", "null", "[]", "7", '"text"', "not json", "{}"])(
  "%j is no completion",
  (text) => {
    expect(failureOf(text)).toBe("PROVIDER_BAD_RESPONSE");
  },
);

test("a list of one error is that error", () => {
  expect(failureOf([{ error: { code: 429, status: "RESOURCE_EXHAUSTED" } }])).toBe("PROVIDER_RATE_LIMITED");
});
