import { describe, expect, it } from "vitest";
import { inferenceV1 } from "#contracts";
import { type ChatBody, scanChatBody } from "#dialects";
import { compileEndpoint } from "../snapshot/compile-endpoint.ts";
import type { CompiledEndpoint } from "../snapshot/snapshot.ts";
import { type EndpointSketch, type MappingSketch, toEndpoint } from "../testing/config-messages.ts";
import { createTestCompileHost } from "../testing/test-compile-host.ts";
import { chatBody } from "../testing/test-routing.ts";
import { chanceOf, skippedTargets } from "./chain-chances.ts";
import { toExpressionFacts } from "./expression-facts.ts";
import { resolveChain } from "./resolve-chain.ts";

const compile = (sketch: EndpointSketch) => compileEndpoint(toEndpoint(sketch), createTestCompileHost());

function factsOf(members: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>> = {}) {
  const body = scanChatBody(chatBody(members)) as ChatBody;
  const { stream } = body;
  return toExpressionFacts("chat", undefined, { dialect: inferenceV1.Dialect.OPENAI_CHAT, headers, stream, body });
}

function resolve(endpoint: CompiledEndpoint, of: { draw?: number; headers?: Record<string, string>; body?: object }) {
  const { draw = 0, headers, body = {} } = of;
  return resolveChain(endpoint, { draw, nowMs: 0, expressions: factsOf({ ...body }, headers) });
}

const names = (chain: ReturnType<typeof resolve>) => chain.links.map(({ target }) => target.name);
const targets: readonly MappingSketch[] = [
  { model: "a", weight: 1 },
  { model: "b", weight: 3 },
  { model: "x", fallback: 1 },
  { model: "y", fallback: 2 },
];
const isVip = 'request.headers["x-tier"] == "vip"';
const vip = { "x-tier": "vip" };

describe("a rule", () => {
  it("that holds chooses its mappings instead of the PRIMARY ones", () => {
    const endpoint = compile({ targets, rules: [{ name: "vip", when: isVip, use: ["b"] }] });
    const chain = resolve(endpoint, { headers: vip });
    expect(chain.rule).toBe("vip");
    expect(names(chain)).toEqual(["b", "x", "y"]);
    expect(chain.links[0]?.reason).toBe("first by rule vip");
    expect(skippedTargets(endpoint, chain).map(({ target, reason }) => `${target.name} ${reason}`)).toEqual([
      "a not named by the rule",
    ]);
  });

  it("that does not hold changes nothing", () => {
    const endpoint = compile({ targets, rules: [{ name: "vip", when: isVip, use: ["b"] }] });
    const chain = resolve(endpoint, { headers: { "x-tier": "other" } });
    expect(chain).toMatchObject({ rule: "", notes: [] });
    expect(names(chain)).toEqual(["a", "x", "y"]);
  });

  it("is the first that holds", () => {
    const rules = [
      { name: "never", when: "request.stream", use: ["a"] },
      { name: "vip", when: isVip, use: ["b"] },
      { name: "all", when: "true", use: ["y"] },
    ];
    const endpoint = compile({ targets, rules });
    expect(resolve(endpoint, { headers: vip }).rule).toBe("vip");
    expect(resolve(endpoint, { headers: { "x-tier": "" } }).rule).toBe("all");
  });

  it("may name FALLBACK mappings, which are then no fallback of that request", () => {
    const endpoint = compile({ targets, rules: [{ name: "all", when: "true", use: ["y"] }] });
    const chain = resolve(endpoint, {});
    expect(names(chain)).toEqual(["y", "x"]);
    expect(chain.links.map(({ position }) => position)).toEqual([0, 1]);
  });

  it("draws among what it names by weight, evenly where those sum to 0", () => {
    const rules = [{ name: "all", when: "true", use: ["a", "b"] }];
    const endpoint = compile({ split: true, targets, rules });
    expect([0.24, 0.26].map((draw) => names(resolve(endpoint, { draw }))[0])).toEqual(["a", "b"]);
    const zeros = targets.slice(0, 2).map((target) => ({ ...target, weight: 0 }));
    const even = compile({ split: true, targets: zeros, rules });
    expect([0.49, 0.51].map((draw) => names(resolve(even, { draw }))[0])).toEqual(["a", "b"]);
    const chain = resolve(endpoint, {});
    expect(endpoint.primaries.map((target) => chanceOf(endpoint, chain, target))).toEqual([0.25, 0.75]);
  });

  it("with redraw is followed by whatever else it names", () => {
    const rules = [{ name: "all", when: "true", use: ["b", "y"] }];
    const endpoint = compile({ targets, policy: { redraw: true }, rules });
    expect(names(resolve(endpoint, {}))).toEqual(["b", "y", "x"]);
  });

  it("that fails on a request does not hold, and is noted", () => {
    const rules = [
      { name: "broken", when: 'request.headers["x-none"] == "1"', use: ["a"] },
      { name: "all", when: "true", use: ["b"] },
    ];
    const chain = resolve(compile({ targets, rules }), {});
    expect(chain.rule).toBe("all");
    expect(chain.notes).toEqual([expect.stringMatching(/^rule broken: ./)]);
  });

  it("that an older version wrote and this one cannot compile never holds", () => {
    const chain = resolve(compile({ targets, rules: [{ name: "old", when: "request.(", use: ["b"] }] }), {});
    expect(names(chain)).toEqual(["a", "x", "y"]);
    expect(chain.notes[0]).toContain("does not compile");
  });

  it("that names nothing that exists is left out", () => {
    expect(names(resolve(compile({ targets, rules: [{ name: "gone", when: "true", use: ["z"] }] }), {}))).toEqual([
      "a",
      "x",
      "y",
    ]);
  });
});

describe("a sticky key", () => {
  const stickyKey = 'request.headers["x-session-id"]';
  const firstOf = (endpoint: CompiledEndpoint, session: string, draw: number) =>
    names(resolve(endpoint, { draw, headers: { "x-session-id": session } }))[0];

  it("keeps its target whatever the draw", () => {
    const endpoint = compile({ split: true, stickyKey, targets });
    for (let session = 0; session < 50; session += 1) {
      const seen = new Set([0, 0.3, 0.6, 0.99].map((draw) => firstOf(endpoint, `s-${session}`, draw)));
      expect(seen.size).toBe(1);
    }
    expect(new Set(Array.from({ length: 50 }, (_, session) => firstOf(endpoint, `s-${session}`, 0))).size).toBe(2);
  });

  it("that fails, or is not there, leaves the draw to chance", () => {
    const endpoint = compile({ split: true, stickyKey, targets });
    const chains = [0.1, 0.9].map((draw) => resolve(endpoint, { draw }));
    expect(chains.map((chain) => names(chain)[0])).toEqual(["a", "b"]);
    expect(chains[0]?.notes).toEqual([expect.stringMatching(/^sticky key: ./)]);
  });

  it("means nothing where nothing is drawn", () => {
    expect(firstOf(compile({ stickyKey, targets }), "any", 0.9)).toBe("a");
  });
});
