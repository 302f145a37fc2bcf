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
    ["as a URL has it", "?password=two%20words%2F&x", "?password=[redacted]&x"],
  ])("is hidden %s", (_how, told, hidden) => {
    expect(messageOf(told)).toBe(hidden);
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
