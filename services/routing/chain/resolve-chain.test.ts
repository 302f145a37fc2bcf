import fc from "fast-check";
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

const resolve = (endpoint: CompiledEndpoint, draw: number) =>
  resolveChain(endpoint, { draw, nowMs: 0, expressions: undefined });
const compile = (sketch: EndpointSketch) => compileEndpoint(toEndpoint(sketch), createTestCompileHost());
const names = (sketch: EndpointSketch, draw = 0) =>
  resolve(compile(sketch), draw).links.map(({ target }) => target.name);

describe("a chain", () => {
  const a = { model: "a", weight: 1 };
  const b = { model: "b", weight: 3 };

  it("begins with the first PRIMARY where there is no strategy, whatever the draw", () => {
    expect(names({ targets: [a, b] }, 0.99)).toEqual(["a"]);
  });

  it("begins with the PRIMARY that the weights give to the draw", () => {
    const sketch = { split: true, targets: [a, b] };
    expect([0, 0.2499, 0.25, 0.9999].map((draw) => names(sketch, draw)[0])).toEqual(["a", "a", "b", "b"]);
  });

  it("never draws a weight of 0 while another is above it", () => {
    const none = { model: "none", weight: 0 };
    for (const draw of [0, 0.5, 1 - Number.EPSILON / 2]) {
      expect(names({ split: true, targets: [none, a, none] }, draw)).toEqual(["a"]);
    }
  });

  it("draws evenly where all weights are 0", () => {
    const targets = [
      { ...a, weight: 0 },
      { ...b, weight: 0 },
    ];
    expect([0.49, 0.5].map((draw) => names({ split: true, targets }, draw)[0])).toEqual(["a", "b"]);
  });

  it("goes on with the FALLBACK targets by order, those without one last", () => {
    const targets = [
      { model: "last", fallback: Number.NaN },
      { model: "second", fallback: 2 },
      a,
      { model: "first", fallback: 1 },
    ].map((target) => ({ ...target }));
    const endpoint = toEndpoint({ targets });
    const unordered = endpoint.modelMappings.map((mapping) =>
      Number.isNaN(mapping.fallbackOrder) ? { ...mapping, fallbackOrder: undefined } : mapping,
    );
    const compiled = compileEndpoint({ ...endpoint, modelMappings: unordered }, createTestCompileHost());
    const chain = resolve(compiled, 0);
    expect(chain.links.map(({ target }) => target.name)).toEqual(["a", "first", "second", "last"]);
  });

  it.each([
    [0, 3],
    [1, 1],
    [2, 2],
    [9, 3],
  ])("with max_attempts %i tries %i FALLBACK targets besides the PRIMARY", (maxAttempts, count) => {
    const fallbacks = ["x", "y", "z"].map((model, order) => ({ model, fallback: order }));
    expect(names({ maxAttempts, targets: [a, ...fallbacks] })).toHaveLength(1 + count);
  });

  it("with redraw goes on with the other PRIMARY targets, which max_attempts does not count", () => {
    const targets = [a, b, { model: "x", fallback: 1 }, { model: "y", fallback: 2 }];
    const policy = { redraw: true };
    expect(names({ policy, maxAttempts: 1, targets })).toEqual(["a", "b", "x"]);
    expect(names({ policy, maxAttempts: 1, split: true, targets }, 0.9)).toEqual(["b", "a", "x"]);
  });
});

describe("a chain whose entries are not all called", () => {
  const a = { model: "a", weight: 1 };

  it("calls a target that stands as PRIMARY and as FALLBACK once", () => {
    const endpoint = compile({
      split: true,
      maxAttempts: 1,
      targets: [a, { ...a, model: "b" }, { model: "b", fallback: 1 }, { model: "c", fallback: 2 }],
    });
    expect(resolve(endpoint, 0).links.map(({ target }) => target.name)).toEqual(["a", "b"]);
    const drawn = resolve(endpoint, 0.9);
    expect(drawn.links.map(({ target }) => target.name)).toEqual(["b", "c"]);
    expect(drawn.skipped).toMatchObject([{ target: endpoint.fallbacks[0], reason: "the same target as b before it" }]);
  });

  it("calls that one of two such entries which the request fits", () => {
    const small = { model: "b", contextWindow: 5 };
    const endpoint = compile({
      targets: [a, { ...small, fallback: 1 }, { ...small, contextWindow: 5_000, fallback: 2 }],
    });
    expect(endpoint.fallbacks[0]?.health).toBe(endpoint.fallbacks[1]?.health);
    const body = scanChatBody(chatBody({ messages: [{ role: "user", content: "word ".repeat(100) }] })) as ChatBody;
    const incoming = { dialect: inferenceV1.Dialect.OPENAI_CHAT, headers: {}, stream: false, body };
    const expressions = toExpressionFacts(endpoint.name, undefined, incoming);
    const chain = resolveChain(endpoint, { draw: 0, nowMs: 0, expressions });
    expect(chain.links.map(({ target }) => target)).toEqual([endpoint.primaries[0], endpoint.fallbacks[1]]);
  });

  it("draws among the targets that are in service", () => {
    const endpoint = compile({ split: true, targets: [a, { model: "b", weight: 3 }, { model: "c", weight: 1 }] });
    endpoint.primaries[1]?.health.setDrained(true);
    const chain = resolve(endpoint, 0.49);
    expect([0, 0.49, 0.5, 0.99].map((draw) => resolve(endpoint, draw).links[0]?.target.name)).toEqual([
      "a",
      "a",
      "c",
      "c",
    ]);
    expect(chain.skipped).toMatchObject([{ reason: "drained by hand" }]);
    expect(endpoint.primaries.map((target) => chanceOf(endpoint, chain, target))).toEqual([0.5, 0, 0.5]);
    endpoint.primaries[0]?.health.setDrained(true);
    endpoint.primaries[2]?.health.setDrained(true);
    expect([0.1, 0.5, 0.9].map((draw) => resolve(endpoint, draw).links[0]?.target.name)).toEqual(["a", "b", "c"]);
  });

  it("takes the first PRIMARY that is in service where there is no strategy", () => {
    const endpoint = compile({ targets: [a, { model: "b" }] });
    endpoint.primaries[0]?.health.setDrained(true);
    expect(resolve(endpoint, 0).links.map(({ target }) => target.name)).toEqual(["b"]);
  });

  it("counts in max_attempts only FALLBACK targets that it would try, the healthy ones before the others", () => {
    const fallbacks = ["x", "y", "z"].map((model, order) => ({ model, fallback: order }));
    const endpoint = compile({ maxAttempts: 1, targets: [a, ...fallbacks] });
    endpoint.fallbacks[0]?.health.reportProbe(false);
    const chain = resolve(endpoint, 0);
    expect(chain.links.map(({ target }) => target.name)).toEqual(["a", "y"]);
    expect(chain.spare.map(({ target, position }) => [target.name, position])).toEqual([
      ["z", 2],
      ["x", 3],
    ]);
  });
});

const weights = fc.array(fc.oneof(fc.constant(0), fc.float({ min: Math.fround(0.001), max: 100, noNaN: true })), {
  minLength: 1,
  maxLength: 6,
});
const draws = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const sketches = fc.record({
  weights,
  fallbacks: fc.nat({ max: 4 }),
  split: fc.boolean(),
  redraw: fc.boolean(),
  maxAttempts: fc.nat({ max: 5 }),
});

describe("any chain", () => {
  const toSketch = (random: {
    weights: number[];
    fallbacks: number;
    split: boolean;
    redraw: boolean;
    maxAttempts: number;
  }): EndpointSketch => {
    const primaries: MappingSketch[] = random.weights.map((weight, index) => ({ model: `p${index}`, weight }));
    const fallbacks = Array.from({ length: random.fallbacks }, (_, index) => ({ model: `f${index}`, fallback: index }));
    const { split, maxAttempts, redraw } = random;
    return { split, maxAttempts, policy: { redraw }, targets: [...primaries, ...fallbacks] };
  };

  it("is never empty, has no target twice, keeps PRIMARY before FALLBACK, and is the same for the same draw", () => {
    fc.assert(
      fc.property(sketches, draws, (random, draw) => {
        const endpoint = compile(toSketch(random));
        const chain = resolve(endpoint, draw);
        const targets = chain.links.map(({ target }) => target);
        const firstFallback = targets.findIndex((target) => endpoint.fallbacks.includes(target));
        const primaryCount = random.redraw ? random.weights.length : 1;
        expect(new Set(targets).size).toBe(targets.length);
        expect(targets.length).toBe(primaryCount + Math.min(endpoint.maxFallbacks, endpoint.fallbacks.length));
        expect(firstFallback === -1 || firstFallback === primaryCount).toBe(true);
        expect(chain.links.map(({ position }) => position)).toEqual(targets.map((_, index) => index));
        expect(resolve(endpoint, draw)).toEqual(chain);
        expect(targets.length + skippedTargets(endpoint, chain).length).toBe(
          random.weights.length + endpoint.fallbacks.length,
        );
      }),
    );
  });

  it("never begins with a target that has no chance", () => {
    fc.assert(
      fc.property(sketches, draws, (random, draw) => {
        const endpoint = compile(toSketch(random));
        const chain = resolve(endpoint, draw);
        const [first] = chain.links;
        expect(first === undefined ? 0 : chanceOf(endpoint, chain, first.target)).toBeGreaterThan(0);
      }),
    );
  });

  it("begins with each target as often as its weight says, and redraws by weight too", () => {
    fc.assert(
      fc.property(weights, (random) => {
        const endpoint = compile({
          ...toSketch({ weights: random, fallbacks: 0, split: true, redraw: true, maxAttempts: 0 }),
        });
        const count = 2_000;
        const firsts = new Map<string, number>();
        for (let index = 0; index < count; index += 1) {
          const name = resolve(endpoint, (index + 0.5) / count).links[0]?.target.name ?? "";
          firsts.set(name, (firsts.get(name) ?? 0) + 1);
        }
        for (const target of endpoint.primaries) {
          const share = (firsts.get(target.name) ?? 0) / count;
          expect(Math.abs(share - chanceOf(endpoint, resolve(endpoint, 0), target))).toBeLessThan(2 / count);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("redraws the second target independently of the first", () => {
    const endpoint = compile({
      split: true,
      policy: { redraw: true },
      targets: [
        { model: "a", weight: 1 },
        { model: "b", weight: 1 },
        { model: "c", weight: 3 },
      ],
    });
    const count = 10_000;
    let afterA = 0;
    let aThenC = 0;
    for (let index = 0; index < count; index += 1) {
      const [first, second] = resolve(endpoint, (index + 0.5) / count).links;
      if (first?.target.name === "a") {
        afterA += 1;
        aThenC += second?.target.name === "c" ? 1 : 0;
      }
    }
    expect(aThenC / afterA).toBeCloseTo(0.75, 2);
  });
});
