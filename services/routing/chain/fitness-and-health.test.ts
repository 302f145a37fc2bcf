import { describe, expect, it } from "vitest";
import { inferenceV1 } from "#contracts";
import { type ChatBody, scanChatBody } from "#dialects";
import { compileEndpoint } from "../snapshot/compile-endpoint.ts";
import type { CompiledEndpoint, Target } from "../snapshot/snapshot.ts";
import { type MappingSketch, toEndpoint } from "../testing/config-messages.ts";
import { createTestCompileHost } from "../testing/test-compile-host.ts";
import { chatBody } from "../testing/test-routing.ts";
import { toExpressionFacts } from "./expression-facts.ts";
import { resolveChain } from "./resolve-chain.ts";

const compile = (...targets: MappingSketch[]) => compileEndpoint(toEndpoint({ targets }), createTestCompileHost());

function resolve(endpoint: CompiledEndpoint, body: Readonly<Record<string, unknown>> = {}, nowMs = 0) {
  const scanned = scanChatBody(chatBody(body)) as ChatBody;
  const request = { dialect: inferenceV1.Dialect.OPENAI_CHAT, headers: {}, stream: scanned.stream, body: scanned };
  return resolveChain(endpoint, { draw: 0, nowMs, expressions: toExpressionFacts("chat", undefined, request) });
}

const names = (chain: ReturnType<typeof resolve>) => chain.links.map(({ target }) => target.name);
const skipped = (chain: ReturnType<typeof resolve>) => chain.skipped.map(({ target }) => target.name);
const tool = { type: "function", function: { name: "find" } };
const image = { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }] };
const schema = { type: "json_schema", json_schema: { name: "s", schema: {} } };

describe("a target that cannot serve the request", () => {
  it.each([
    ["whose window is too small for prompt and answer", { contextWindow: 500 }, { max_tokens: 600 }],
    ["whose answers are too short", { maxOutputTokens: 100 }, { max_tokens: 101 }],
    ["without tools", { capabilities: ["vision"] }, { tools: [tool] }],
    ["without vision", { capabilities: ["tools"] }, { messages: [image] }],
    ["without JSON schemas", { capabilities: ["tools"] }, { response_format: schema }],
    ["without streams", { capabilities: ["tools"] }, { stream: true }],
  ])("%s is skipped, with a reason", (_name, declared, body) => {
    const endpoint = compile({ model: "unfit", ...declared }, { model: "fit", fallback: 1 });
    const chain = resolve(endpoint, body);
    expect(names(chain)).toEqual(["fit"]);
    expect(skipped(chain)).toEqual(["unfit"]);
    expect(chain.skipped[0]?.reason).toMatch(/\w+ \w+/);
    expect(names(resolve(endpoint))).toEqual(["unfit", "fit"]);
  });

  it("is tried all the same when none can", () => {
    const chain = resolve(compile({ model: "a", contextWindow: 10 }, { model: "b", fallback: 1, contextWindow: 20 }), {
      max_tokens: 50,
    });
    expect(names(chain)).toEqual(["a", "b"]);
    expect(skipped(chain)).toEqual([]);
    expect(chain.links[0]?.reason).toContain("none fits");
  });

  it("is none for what it does not declare", () => {
    const body = { tools: [tool], response_format: schema, max_tokens: 1e6, stream: true };
    expect(names(resolve(compile({ model: "a" }, { model: "b", fallback: 1 }), body))).toEqual(["a", "b"]);
  });
});

describe("health", () => {
  const three = () => compile({ model: "a" }, { model: "b", fallback: 1 }, { model: "c", fallback: 2 });
  const targetOf = (endpoint: CompiledEndpoint, name: string): Target =>
    [...endpoint.primaries, ...endpoint.fallbacks].find((target) => target.name === name) as Target;
  const breakDown = ({ breaker, policy }: Target) => {
    for (let count = 0; count < policy.breaker.minRequests; count += 1) {
      breaker.report(breaker.begin(0), "failure", 0);
    }
  };

  it("puts targets that are not healthy behind, the least bad first, and says why", () => {
    const endpoint = three();
    breakDown(targetOf(endpoint, "a"));
    targetOf(endpoint, "b").health.cool(1_000, 0);
    const chain = resolve(endpoint);
    expect(names(chain)).toEqual(["c", "b", "a"]);
    expect(chain.links.map(({ position }) => position)).toEqual([0, 1, 2]);
    expect(chain.links.map(({ reason }) => reason)).toEqual([
      "fallback",
      "fallback, put behind: cooling",
      "first primary, put behind: breaker open",
    ]);
    expect(names(resolve(endpoint, {}, 1_000))).toEqual(["b", "c", "a"]);
  });

  it("begins with the one that is to be left alone for the shortest time when all are unhealthy", () => {
    const endpoint = three();
    for (const name of ["a", "b", "c"]) {
      breakDown(targetOf(endpoint, name));
    }
    expect(names(resolve(endpoint))).toEqual(["a", "b", "c"]);
    targetOf(endpoint, "a").health.reportProbe(false);
    targetOf(endpoint, "b").health.cool(1e6, 0);
    expect(names(resolve(endpoint))).toEqual(["c", "b", "a"]);
  });

  it("keeps drained targets out while any other is left, however unwell", () => {
    const endpoint = three();
    targetOf(endpoint, "a").health.setDrained(true);
    breakDown(targetOf(endpoint, "b"));
    const chain = resolve(endpoint);
    expect(names(chain)).toEqual(["c", "b"]);
    expect(chain.skipped).toEqual([{ target: targetOf(endpoint, "a"), reason: "drained by hand" }]);
    for (const name of ["b", "c"]) {
      targetOf(endpoint, name).health.setDrained(true);
    }
    expect(names(resolve(endpoint))).toEqual(["a", "c", "b"]);
  });

  it("puts a target behind while as many trial calls as are let through are under way", () => {
    const endpoint = three();
    const { breaker, policy } = targetOf(endpoint, "a");
    breakDown(targetOf(endpoint, "a"));
    const laterMs = policy.breaker.openForMs;
    const probes = Array.from({ length: policy.breaker.halfOpenProbes }, () => {
      expect(names(resolve(endpoint, {}, laterMs))).toEqual(["a", "b", "c"]);
      return breaker.begin(laterMs);
    });
    expect(names(resolve(endpoint, {}, laterMs))).toEqual(["b", "c", "a"]);
    for (const probe of probes) {
      breaker.report(probe, "success", laterMs);
    }
    expect(names(resolve(endpoint, {}, laterMs))).toEqual(["a", "b", "c"]);
  });
});
