import { describe, expect, it } from "vitest";
import { conditionViolations, keyViolations } from "./expression-rules.ts";

describe("an expression at write time", () => {
  it("may be any condition and any key that compile", () => {
    expect(conditionViolations("request.estimated_input_tokens > 100000", "when")).toEqual([]);
    expect(keyViolations('request.headers["x-session-id"]', "sticky_key")).toEqual([]);
  });

  it("is refused with its field, the fault and the place", () => {
    expect(conditionViolations("request.stream && request.bogus", "endpoint.rules[0].when")).toEqual([
      { field: "endpoint.rules[0].when", description: "No such key: bogus (at character 27)" },
    ]);
    expect(conditionViolations("request.endpoint", "when")).toEqual([
      { field: "when", description: "returns string; it must return a bool (at character 1)" },
    ]);
    expect(keyViolations("", "sticky_key")).toEqual([
      { field: "sticky_key", description: "must not be empty (at character 1)" },
    ]);
  });
});
