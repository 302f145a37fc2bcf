import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { configV1, errorsV1 } from "#contracts";
import { defaultFailurePolicy, resolveFailurePolicy } from "./failure-policy.ts";

const { FailureClass } = errorsV1;
type ClassName = keyof typeof FailureClass;

/** The table as it is documented: class, same target, next target, health. */
const table: readonly (readonly [ClassName, string, string, string])[] = [
  ["CALLER_INVALID_REQUEST", "no", "no", "no"],
  ["CALLER_CONTEXT_LENGTH_EXCEEDED", "no", "larger-window", "no"],
  ["CALLER_CONTENT_POLICY", "no", "no", "no"],
  ["CALLER_CANCELLED", "no", "no", "no"],
  ["POLICY_RATE_LIMITED", "no", "no", "no"],
  ["POLICY_BUDGET_EXCEEDED", "no", "no", "no"],
  ["POLICY_GUARDRAIL_BLOCKED", "no", "no", "no"],
  ["POLICY_FORBIDDEN", "no", "no", "no"],
  ["PROVIDER_RATE_LIMITED", "last", "yes", "cool"],
  ["PROVIDER_QUOTA_EXHAUSTED", "no", "yes", "long"],
  ["PROVIDER_CREDENTIALS_REJECTED", "no", "yes", "yes"],
  ["PROVIDER_MODEL_NOT_FOUND", "no", "yes", "yes"],
  ["PROVIDER_OVERLOADED", "backoff", "yes", "yes"],
  ["PROVIDER_ERROR", "backoff", "yes", "yes"],
  ["PROVIDER_TIMEOUT_CONNECT", "backoff", "yes", "yes"],
  ["PROVIDER_TIMEOUT_FIRST_TOKEN", "no", "yes", "yes"],
  ["PROVIDER_TIMEOUT_IDLE", "no", "yes", "yes"],
  ["PROVIDER_TIMEOUT_TOTAL", "no", "yes", "yes"],
  ["PROVIDER_NETWORK", "once", "yes", "yes"],
  ["PROVIDER_BAD_RESPONSE", "no", "yes", "yes"],
  ["PROVIDER_STREAM_TRUNCATED", "no", "yes", "yes"],
  ["TARGET_SATURATED", "no", "yes", "no"],
  ["HEDGE_LOST", "no", "no", "no"],
  ["GATEWAY_INTERNAL", "no", "no", "no"],
];

describe("the table of failures", () => {
  it.each(table)("%s: same target %s, next target %s, hurts %s", (...[name, retry, next, hurts]) => {
    expect(defaultFailurePolicy[FailureClass[name]]).toEqual({ retry, next, hurts });
  });

  it("has a row for every class", () => {
    const named = Object.keys(FailureClass).filter((name) => name !== "UNSPECIFIED" && name !== "UNRECOGNIZED");
    expect(table.map(([name]) => name)).toEqual(named);
  });
});

describe("the table of the documentation", () => {
  const said = {
    retry: {
      no: "no",
      backoff: "after a backoff",
      once: "once, at once",
      last: "after Retry-After or a backoff, when no other target is left",
    },
    next: { no: "no", yes: "yes", "larger-window": "one with a window declared larger" },
    hurts: {
      no: "no",
      yes: "yes",
      cool: "for Retry-After",
      long: "yes, and it is left alone for Retry-After, else 5 minutes",
    },
  } as const;
  const page = readFileSync(new URL("../../../docs/failures.md", import.meta.url), "utf8");

  it.each(table)("says of %s what is done", (name) => {
    const { retry, next, hurts } = defaultFailurePolicy[FailureClass[name]];
    const [, , again, further, held] =
      /^\| `.*$/m.exec(page.slice(page.indexOf(`| \`${name}\``)))?.[0].split(" | ") ?? [];
    expect([again, further?.replace(", before the commit", ""), held?.replace(/ \|$/, "")]).toEqual([
      said.retry[retry],
      said.next[next],
      said.hurts[hurts],
    ]);
  });
});

describe("changes of an endpoint", () => {
  it("add and take away, and leave every other class as it is", () => {
    const policy = resolveFailurePolicy({
      ...configV1.Policy.fromPartial({}),
      fallbackOn: { add: [FailureClass.CALLER_CONTENT_POLICY], remove: [FailureClass.PROVIDER_ERROR] },
      retryOn: { add: [FailureClass.PROVIDER_BAD_RESPONSE], remove: [FailureClass.PROVIDER_RATE_LIMITED] },
    });
    expect(policy[FailureClass.CALLER_CONTENT_POLICY].next).toBe("yes");
    expect(policy[FailureClass.PROVIDER_ERROR]).toMatchObject({ next: "no", retry: "backoff" });
    expect(policy[FailureClass.PROVIDER_BAD_RESPONSE].retry).toBe("backoff");
    expect(policy[FailureClass.PROVIDER_RATE_LIMITED]).toMatchObject({ retry: "no", next: "yes" });
    expect(policy[FailureClass.PROVIDER_OVERLOADED]).toBe(defaultFailurePolicy[FailureClass.PROVIDER_OVERLOADED]);
  });
});
