import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCondition, compileKey } from "./compile-expression.ts";
import { ExpressionError } from "./expression-error.ts";
import {
  type BodyFacts,
  CallerFacts,
  type ExpressionFacts,
  RequestFacts,
  type RequestFactsInit,
} from "./request-facts.ts";

const bodyFacts: BodyFacts = {
  estimatedInputTokens: 1200,
  maxTokens: 0,
  hasTools: false,
  hasImages: false,
  wantsJsonSchema: false,
  metadata: {},
  value: { messages: [{ role: "user" }], temperature: 0.5 },
};

function factsWith(init: Partial<RequestFactsInit> = {}): ExpressionFacts {
  const request = new RequestFacts({
    endpoint: "chat",
    dialect: "OPENAI_CHAT",
    stream: false,
    headers: { "x-session-id": "s1" },
    readBody: () => bodyFacts,
    ...init,
  });
  return { request, caller: new CallerFacts("search-app", { team: "search" }) };
}

function refusal(source: string): string {
  try {
    compileCondition(source);
  } catch (error) {
    if (error instanceof ExpressionError) {
      return error.message;
    }
    throw error;
  }
  return "accepted";
}

describe("a condition", () => {
  it.each([
    ["request.estimated_input_tokens > 1000", true],
    ["request.estimated_input_tokens > 100000", false],
    ['request.headers["x-session-id"] == "s1"', true],
    ['caller.name == "search-app" && caller.tags.team == "search"', true],
    ["request.body.messages.size() == 1 && request.body.temperature < 1.0", true],
    ["has(request.headers.authorization)", false],
    ['request.headers.exists(name, name.startsWith("x-"))', true],
    ['request.headers["x-session-id"].matches("^s[0-9]$")', true],
    ['request.headers["x-session-id"].matches("1")', true],
    ['request.headers["x-session-id"].matches("^t")', false],
  ])("%s is %s", (source, expected) => {
    expect(compileCondition(source)(factsWith())).toEqual({ ok: true, value: expected });
  });

  it.each([
    'request.headers["x-session-id"] == "s1"',
    'request.headers.constructor == "mine"',
    'request.metadata.user == "u1"',
    "request.body.temperature < 1.0 && request.body.messages.size() == 1",
    'request.body.messages.exists(message, message.constructor == "mine")',
    "!has(request.body.nothing)",
  ])("%s can be read whatever names a caller gives to its members", (source) => {
    const named = { constructor: "mine", toString: "mine", hasOwnProperty: "mine" };
    const facts = factsWith({
      headers: { "x-session-id": "s1", ...named },
      readBody: () => ({
        ...bodyFacts,
        metadata: { user: "u1", ...named },
        value: { temperature: 0.5, messages: [{ role: "user", ...named }], ...named },
      }),
    });
    expect(compileCondition(source)(facts)).toEqual({ ok: true, value: true });
  });

  it.each([
    ["request.has_tools", "hasTools"],
    ["request.has_images", "hasImages"],
    ["request.wants_json_schema", "wantsJsonSchema"],
  ] as const)("%s tells what the body asks for, and nothing else", (source, fact) => {
    const condition = compileCondition(source);
    const others = { hasTools: true, hasImages: true, wantsJsonSchema: true };
    for (const value of [true, false]) {
      const facts = factsWith({ readBody: () => ({ ...bodyFacts, ...others, [fact]: value }) });
      expect(condition(facts)).toEqual({ ok: true, value });
    }
    expect(condition(factsWith())).toEqual({ ok: true, value: false });
  });

  it("compares the length that the caller asks for as a whole number", () => {
    const facts = factsWith({ readBody: () => ({ ...bodyFacts, maxTokens: 4096 }) });
    expect(compileCondition("request.max_tokens >= 4096")(facts)).toEqual({ ok: true, value: true });
    expect(compileCondition("request.max_tokens == 0")(factsWith())).toEqual({ ok: true, value: true });
  });

  it("that reads a header which is not there gives an error and no value", () => {
    const outcome = compileCondition('request.headers["x-tier"] == "gold"')(factsWith());
    expect(outcome).toEqual({ ok: false, error: "No such key: x-tier" });
  });

  it("does not reach the prototype of what it reads", () => {
    for (const name of ["constructor", "__proto__", "toString"]) {
      expect(compileCondition(`request.headers["${name}"] == "x"`)(factsWith()).ok).toBe(false);
      expect(compileCondition(`request.body["${name}"] == "x"`)(factsWith()).ok).toBe(false);
    }
  });

  it("parses the body only when it reads it, and then once", () => {
    let parses = 0;
    const facts = factsWith({ readBody: () => ({ ...bodyFacts, value: { n: ++parses } }) });
    compileCondition("request.stream")(facts);
    expect(parses).toBe(0);
    compileCondition("request.body.n == 1 && request.body.n == 1")(facts);
    expect(parses).toBe(1);
  });

  it("matches a hostile pattern in linear time", () => {
    const condition = compileCondition('request.headers.a.matches("^(a+)+$")');
    const before = process.cpuUsage();
    expect(condition(factsWith({ headers: { a: `${"a".repeat(5000)}!` } }))).toEqual({ ok: true, value: false });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(2);
  });
});

describe("at write time", () => {
  it.each([
    ["", "must not be empty"],
    ["1 +", "Unexpected token"],
    ["request.bogus == 1", "No such key: bogus"],
    ["unknown == 1", "Unknown variable"],
    ["foo(1)", "no matching overload"],
    ["request.max_tokens", "returns int; it must return a bool"],
    ['request.endpoint.matches("[")', "pattern"],
    ["request.endpoint.matches(request.dialect)", "string literal"],
    ['request.endpoint.linear_time_matches("a")', "no matching overload"],
    ["[1].exists(x, [2].exists(y, x == y))", "inside another comprehension"],
    [`${"(".repeat(60)}request.stream${")".repeat(60)}`, "depth"],
    [`request.endpoint == "${"x".repeat(5000)}"`, "longer than"],
  ])("%s is refused", (source, expected) => {
    expect(refusal(source).toLowerCase()).toContain(expected.toLowerCase());
  });

  it("says where the fault is", () => {
    expect(() => compileCondition("request.stream && request.bogus")).toThrowError(
      expect.objectContaining({ offset: 26 }) as Error,
    );
  });

  it("never fails in any other way, whatever the text", () => {
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (source) => refusal(source).length > 0));
  });
});

describe("a key", () => {
  it("is the text of a string or a number", () => {
    expect(compileKey('request.headers["x-session-id"]')(factsWith())).toEqual({ ok: true, value: "s1" });
    expect(compileKey("request.estimated_input_tokens")(factsWith())).toEqual({ ok: true, value: "1200" });
  });

  it("is none where the header is missing or empty", () => {
    expect(compileKey('request.headers["x-user"]')(factsWith()).ok).toBe(false);
    expect(compileKey('request.headers["x-user"]')(factsWith({ headers: { "x-user": "" } })).ok).toBe(false);
  });

  it("may not be a list", () => {
    expect(() => compileKey("[1, 2]")).toThrow("must return a string or a number");
  });
});
