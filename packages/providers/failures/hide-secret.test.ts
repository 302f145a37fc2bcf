import { describe, expect, it } from "vitest";
import { errorsV1 } from "#contracts";
import type { ProviderFailure } from "../provider.ts";
import { hideSecret } from "./hide-secret.ts";

const failureWith = (callerError: Partial<NonNullable<ProviderFailure["callerError"]>>): ProviderFailure => ({
  failureClass: errorsV1.FailureClass.CALLER_INVALID_REQUEST,
  status: 400,
  callerError: { message: "no", type: "bad_request", code: "bad", param: "messages", ...callerError },
});
const secret = { api_key: "team_9f8e7d6c5b4a", password: " two words/ " };
const messageOf = (message: string) => hideSecret(failureWith({ message }), secret).callerError?.message;

describe("a secret that a provider says back", () => {
  it.each([
    ["as it is", "unknown field (authenticated as team_9f8e7d6c5b4a)", "unknown field (authenticated as [redacted])"],
    ["twice", "team_9f8e7d6c5b4a,team_9f8e7d6c5b4a", "[redacted],[redacted]"],
    ["within a word", "xteam_9f8e7d6c5b4ay", "x[redacted]y"],
    ["without its blanks", "as two words/!", "as [redacted]!"],
    ["as a URL has it", "?p=two%20words%2F&x", "?p=[redacted]&x"],
  ])("is hidden %s", (_how, told, hidden) => {
    expect(messageOf(told)).toBe(hidden);
  });

  it.each([
    ["whose value another's is a part of", { one: "a-long-key", two: "long" }, "says a-long-key"],
    ["as JSON has it", { api_key: 'a"long\\key' }, String.raw`says a\"long\\key`],
    ["that looks like a key in part only", { api_key: "sk-abcdef12$rest" }, "says sk-abcdef12$rest"],
    ["in part at the end of what was cut", secret, "says team_9f8e"],
  ])("is hidden %s", (_how, values, message) => {
    expect(hideSecret(failureWith({ message }), values).callerError?.message).toBe("says [redacted]");
  });

  it("is not told in part because a message is cut at 1 KB", () => {
    for (let room = 1_006; room <= 1_036; room += 1) {
      const told = messageOf(`${"a ".repeat(550).slice(0, room)}team_9f8e7d6c5b4a`) ?? "";
      expect(told.length).toBeLessThanOrEqual(1_024);
      expect(told).not.toContain("team");
    }
  });

  it("is told in whole characters, as many as 1 KB holds", () => {
    expect(messageOf("文".repeat(3_000))).toBe("文".repeat(341));
  });

  it("is no name either", () => {
    const { callerError } = hideSecret(
      failureWith({ type: "team_9f8e7d6c5b4a", code: "team_9f8e7d6c5b4a", param: "team_9f8e7d6c5b4a" }),
      secret,
    );
    expect(callerError).toEqual({ message: "no", type: "invalid_request_error", code: undefined, param: undefined });
  });

  it("leaves everything else as it is", () => {
    const failure = failureWith({});
    expect(hideSecret(failure, { api_key: "no", other: "" })).toEqual(failure);
    const silent = { failureClass: errorsV1.FailureClass.PROVIDER_ERROR, status: 500 };
    expect(hideSecret(silent, secret)).toBe(silent);
  });
});
