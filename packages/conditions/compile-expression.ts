import { RE2JS } from "@bufbuild/re2";
import { Environment, EvaluationError, ParseError, type ParseResult, serialize } from "@marcbachmann/cel-js";
import { checkCost, linearMatcher } from "./check-cost.ts";
import { ExpressionError } from "./expression-error.ts";
import { CallerFacts, type ExpressionFacts, RequestFacts } from "./request-facts.ts";

/** Longest expression that is accepted, in characters. */
const maxExpressionLength = 4096;

/** What an evaluation gave, or why it gave nothing: an expression that fails never fails the request. */
export type Evaluation<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: string };

/** A checked expression, ready to be evaluated many times. Its cost is bounded by the size of what it reads. */
export type CompiledExpression<Value> = (facts: ExpressionFacts) => Evaluation<Value>;

const base = new Environment({
  limits: { maxAstNodes: 400, maxDepth: 24, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 8 },
})
  .registerType("Request", {
    ctor: RequestFacts,
    fields: {
      endpoint: "string",
      dialect: "string",
      stream: "bool",
      headers: "map<string, string>",
      estimated_input_tokens: "int",
      max_tokens: "int",
      has_tools: "bool",
      has_images: "bool",
      wants_json_schema: "bool",
      metadata: "map<string, string>",
      body: "dyn",
    },
  })
  .registerType("Caller", { ctor: CallerFacts, fields: { name: "string", tags: "map<string, string>" } })
  .registerVariable("request", "Request")
  .registerVariable("caller", "Caller");

/** Compiles a CEL expression that returns a bool. Throws `ExpressionError` that says what is wrong and where. */
export function compileCondition(source: string): CompiledExpression<boolean> {
  const run = compile(source, ["bool", "dyn"], "a bool");
  return (facts) => evaluate(run, facts, (value) => (typeof value === "boolean" ? value : undefined));
}

/**
 * Compiles a CEL expression whose value is a key: a string, or a number or bool that is written as one. An empty string
 * counts as no key. Throws `ExpressionError` that says what is wrong and where.
 */
export function compileKey(source: string): CompiledExpression<string> {
  const run = compile(source, ["string", "int", "uint", "bool", "double", "dyn"], "a string or a number");
  return (facts) => evaluate(run, facts, toKey);
}

function compile(source: string, returnTypes: readonly string[], expected: string): ParseResult {
  if (source.trim() === "") {
    throw new ExpressionError("must not be empty", 0);
  }
  if (source.length > maxExpressionLength) {
    throw new ExpressionError(`is longer than ${maxExpressionLength} characters`, maxExpressionLength);
  }
  const draft = parse(base, source);
  check(draft, returnTypes, expected);
  const patterns = compilePatterns(checkCost(draft.ast));
  if (patterns.size === 0) {
    return draft;
  }
  const environment = base
    .clone()
    .registerFunction(`string.${linearMatcher}(string): bool`, (text: string, pattern: string) =>
      matches(patterns, text, pattern),
    );
  return parse(environment, serialize(draft.ast));
}

function matches(patterns: ReadonlyMap<string, RE2JS>, text: string, pattern: string): boolean {
  return patterns.get(pattern)?.test(text) ?? false;
}

function compilePatterns(sources: readonly string[]): ReadonlyMap<string, RE2JS> {
  const patterns = new Map<string, RE2JS>();
  for (const source of sources) {
    try {
      patterns.set(source, RE2JS.compile(source));
    } catch (error) {
      throw new ExpressionError(`pattern ${JSON.stringify(source)}: ${messageOf(error)}`, 0);
    }
  }
  return patterns;
}

function parse(environment: Environment, source: string): ParseResult {
  try {
    return environment.parse(source);
  } catch (error) {
    if (error instanceof ParseError) {
      throw new ExpressionError(error.summary, error.range?.start ?? 0);
    }
    throw error;
  }
}

function check(draft: ParseResult, returnTypes: readonly string[], expected: string): void {
  const { valid, type, error } = draft.check();
  if (!valid) {
    throw new ExpressionError(error?.summary ?? "has a type error", error?.range?.start ?? 0);
  }
  if (!returnTypes.includes(type ?? "")) {
    throw new ExpressionError(`returns ${type}; it must return ${expected}`, 0);
  }
}

function evaluate<Value>(
  run: ParseResult,
  facts: ExpressionFacts,
  convert: (value: unknown) => Value | undefined,
): Evaluation<Value> {
  try {
    const value = convert(run(facts as unknown as Record<string, unknown>));
    return value === undefined ? { ok: false, error: "returned a value of another type" } : { ok: true, value };
  } catch (error) {
    return { ok: false, error: error instanceof EvaluationError ? error.summary : messageOf(error) };
  }
}

function toKey(value: unknown): string | undefined {
  if (typeof value === "string") {
    return value === "" ? undefined : value;
  }
  return typeof value === "bigint" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
