import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { enumName, errorsV1 } from "#contracts";
import type { ProviderFailure } from "../provider.ts";
import { classifyErrorAnswer, classifyErrorInside } from "./classify-error.ts";
import { hideSecret } from "./hide-secret.ts";

interface ErrorRow {
  readonly says: string;
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly class: string;
  readonly retryAfterMs?: number;
}

const nowMs = Date.parse("2026-07-31T12:00:00Z");

/** Reads error bodies in the shapes that vendors send, one per line, each with the class it must get. */
function readRows<Row>(file: string): Row[] {
  const text = readFileSync(new URL(`fixtures/${file}`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
}

function classify({ status, body, headers = {} }: Pick<ErrorRow, "status" | "body" | "headers">): ProviderFailure {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return hideSecret(classifyErrorAnswer({ status, headers, body: bytes }, { nowMs: () => nowMs }), {});
}

function className(failure: ProviderFailure): string {
  return enumName(errorsV1.FailureClass, failure.failureClass);
}

function invalidRequest(message: string, code: string | null = null, param: string | null = null): unknown {
  return { error: { message, type: "invalid_request_error", param, code } };
}

describe("an error answer", () => {
  test.each(readRows<ErrorRow>("error-answers.jsonl"))("$says ($status): $class", (row) => {
    const failure = classify(row);
    expect(className(failure)).toBe(row.class);
    expect(failure.status).toBe(row.status);
    expect(failure.retryAfterMs).toBe(row.retryAfterMs);
    expect(failure.callerError !== undefined).toBe(row.class.startsWith("CALLER_"));
  });

  test("tells the caller what is the caller's to mend, without keys", () => {
    const message = "Invalid 'user': Bearer abcdef123456 and sk-proj-abcdefghijkl are no users";
    const { callerError } = classify({ status: 400, body: invalidRequest(message, "unsupported_value", "user") });
    expect(callerError).toEqual({
      message: "Invalid 'user': [redacted] and [redacted] are no users",
      type: "invalid_request_error",
      code: "unsupported_value",
      param: "user",
    });
  });

  test("tells no type, code or parameter that looks like a key or a text", () => {
    const error = { message: "no", type: "sk-proj-abcdefghijkl", code: "two words", param: "messages[0].content" };
    expect(classify({ status: 400, body: { error } }).callerError).toEqual({
      message: "no",
      type: "invalid_request_error",
      code: undefined,
      param: "messages[0].content",
    });
  });

  test("gives callers the code they look for when the vendor has none", () => {
    const { callerError } = classify({ status: 400, body: { message: "too many tokens: 9" } });
    expect(callerError).toMatchObject({ code: "context_length_exceeded", type: "invalid_request_error" });
  });

  test("never searches more than the message", () => {
    const echo = `bad field. ${" ".repeat(4_100)} maximum context length`;
    expect(className(classify({ status: 400, body: invalidRequest(echo) }))).toBe("CALLER_INVALID_REQUEST");
    const body = { error: { message: "bad", type: "x" }, prompt: "credit balance, maximum context length" };
    expect(className(classify({ status: 400, body }))).toBe("CALLER_INVALID_REQUEST");
  });

  test("tells no half of a key that the cut of a message goes through", () => {
    const message = `${"a ".repeat(2_040)}sk-proj-${"b".repeat(100)}`;
    expect(classify({ status: 400, body: invalidRequest(message) }).callerError?.message).not.toContain("sk-proj");
  });

  test("a vendor's own codes come first", () => {
    const codes = new Map([["invalid_api_key", errorsV1.FailureClass.PROVIDER_OVERLOADED]]);
    const body = Buffer.from('{"error":{"code":"invalid_api_key"}}');
    const failure = classifyErrorAnswer({ status: 401, headers: {}, body }, { codes });
    expect(className(failure)).toBe("PROVIDER_OVERLOADED");
  });

  test("is read whatever bytes it is made of", () => {
    for (const text of [
      "",
      "{",
      "[]",
      "[[]]",
      "null",
      "1",
      '"text"',
      '{"error":null}',
      '{"error":[]}',
      "\u0000\ufffd",
      `{"detail":[{"loc":${"[".repeat(9_000)}${"]".repeat(9_000)},"msg":"x"}]}`,
    ]) {
      const failure = classifyErrorAnswer({ status: 500, headers: {}, body: Buffer.from(text) });
      expect(className(failure)).toBe("PROVIDER_ERROR");
    }
  });
});

describe("an error inside a success", () => {
  test.each(readRows<Pick<ErrorRow, "says" | "body" | "class">>("errors-inside.jsonl"))("$says: $class", (row) => {
    expect(className(classifyErrorInside(row.body))).toBe(row.class);
  });
});
