import { describe, expect, test } from "vitest";
import { redactMessage } from "./redact-message.ts";

describe("redactMessage", () => {
  test.each([
    "sk-proj-AbCdEf0123456789",
    "sk-ant-api03-abcdefghijk",
    "sk-or-v1-0123456789abcdef",
    "sk-ab***********wxyz",
    "gsk_abcdefghijkl",
    "xai-abcdefghijkl",
    "AIzaSyA-abcdefghijklmnop",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "0123456789abcdef0123456789abcdef",
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY3ODkw",
  ])("masks %s", (key) => {
    expect(redactMessage(`Key ${key} is wrong`)).not.toContain(key.slice(-8));
    expect(redactMessage(`Key ${key} is wrong`)).toMatch(/^Key .*is wrong$/);
  });

  test("masks bearer tokens, assignments and credentials in URLs", () => {
    expect(redactMessage("got Authorization: Bearer abc.def-123")).not.toContain("def");
    expect(redactMessage('{"api_key": "hunter2hunter2"}')).not.toContain("hunter2");
    expect(redactMessage("see https://user:pass@host/path")).toBe("see https:[redacted]host/path");
  });

  test("leaves ordinary words alone", () => {
    const message =
      "Invalid type for 'messages[0].content': expected one of a string or array of objects, request 1b9d6bcd-bbfd";
    expect(redactMessage(message)).toBe(message);
  });

  test("is quick on hostile text", () => {
    const before = process.cpuUsage();
    for (const piece of ["a", "key=", "//", "eyJaaaaaaaa.", "bearer ", "sk-"]) {
      redactMessage(piece.repeat(1_000_000 / piece.length));
    }
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(2);
  });
});
