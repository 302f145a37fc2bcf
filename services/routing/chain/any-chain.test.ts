import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inferenceV1 } from "#contracts";
import { type ChatBody, scanChatBody } from "#dialects";
import { compileEndpoint } from "../snapshot/compile-endpoint.ts";
import type { CompiledEndpoint, Target } from "../snapshot/snapshot.ts";
import { type MappingSketch, toEndpoint } from "../testing/config-messages.ts";
import { createTestCompileHost } from "../testing/test-compile-host.ts";
import { chatBody } from "../testing/test-routing.ts";
import { skippedTargets } from "./chain-chances.ts";
import { toExpressionFacts } from "./expression-facts.ts";
import { resolveChain } from "./resolve-chain.ts";

const weight = fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 100, noNaN: true }));
const condition = fc.constantFrom("true", "false", 'request.headers["x-k"] == "1"', "request.max_tokens > 100", "(");
const trouble = fc.constantFrom("none", "none", "none", "cooling", "broken", "drained", "probe failed" as const);
const world = fc.record({
  primaries: fc.array(fc.record({ weight, contextWindow: fc.constantFrom(undefined, 50, 100_000), trouble }), {
    minLength: 1,
    maxLength: 5,
  }),
  fallbacks: fc.array(
    fc.record({
      contextWindow: fc.constantFrom(undefined, 50, 100_000),
      trouble,
      isTwin: fc.constantFrom(false, false, true),
    }),
    { maxLength: 4 },
  ),
  split: fc.boolean(),
  redraw: fc.boolean(),
  isSticky: fc.boolean(),
  maxAttempts: fc.nat({ max: 4 }),
  rules: fc.array(fc.record({ when: condition, uses: fc.array(fc.nat({ max: 8 }), { minLength: 1, maxLength: 3 }) }), {
    maxLength: 3,
  }),
  maxTokens: fc.constantFrom(10, 1_000, 1_000_000),
  headers: fc.constantFrom({}, { "x-k": "1" }, { "x-k": "2", "x-session": "s-1" }),
  draw: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});
type World = typeof world extends fc.Arbitrary<infer One> ? One : never;

function build(random: World): CompiledEndpoint {
  const primaries: MappingSketch[] = random.primaries.map((one, index) => ({
    model: `p${index}`,
    weight: one.weight,
    ...(one.contextWindow !== undefined && { contextWindow: one.contextWindow }),
  }));
  const fallbacks: MappingSketch[] = random.fallbacks.map((one, index) => ({
    // A twin stands among the PRIMARY ones too.
    model: one.isTwin ? "p0" : `f${index}`,
    fallback: index,
    ...(one.contextWindow !== undefined && { contextWindow: one.contextWindow }),
  }));
  const names = [...primaries, ...fallbacks].map(({ model }) => model);
  const endpoint = compileEndpoint(
    toEndpoint({
      split: random.split,
      maxAttempts: random.maxAttempts,
      policy: { redraw: random.redraw },
      ...(random.isSticky && { stickyKey: 'request.headers["x-session"]' }),
      rules: random.rules.map(({ when, uses }, index) => ({
        name: `r${index}`,
        when,
        use: uses.map((use) => names[use % names.length] ?? ""),
      })),
      targets: [...primaries, ...fallbacks],
    }),
    createTestCompileHost(),
  );
  for (const [index, target] of [...endpoint.primaries, ...endpoint.fallbacks].entries()) {
    afflict(target, [...random.primaries, ...random.fallbacks][index]?.trouble);
  }
  return endpoint;
}

function afflict({ health, breaker, policy }: Target, what: string | undefined): void {
  if (what === "cooling") {
    health.cool(1e9, 0);
  }
  if (what === "drained") {
    health.setDrained(true);
  }
  if (what === "probe failed") {
    health.reportProbe(false);
  }
  for (let count = 0; what === "broken" && count < policy.breaker.minRequests; count += 1) {
    breaker.report(breaker.begin(0), "failure", 0);
  }
}

function resolve(endpoint: CompiledEndpoint, { headers, maxTokens, draw }: World) {
  const body = scanChatBody(chatBody({ max_tokens: maxTokens })) as ChatBody;
  const request = { dialect: inferenceV1.Dialect.OPENAI_CHAT, headers, stream: false, body };
  const expressions = toExpressionFacts("chat", undefined, request as Parameters<typeof toExpressionFacts>[2]);
  return resolveChain(endpoint, { draw, nowMs: 1, expressions });
}

const isWell = ({ health, breaker }: Target) => health.availability(breaker, 1) === "available";
/** Not infinite, so that two can be compared by their difference. */
const restOf = (target: Target) => (isWell(target) ? -1 : Math.min(1e12, target.health.restMs(target.breaker, 1)));

describe("any chain, of any endpoint in any health for any request", () => {
  it("has a target, none twice, and every target of the endpoint is in it or skipped for a reason", () => {
    fc.assert(
      fc.property(world, (random) => {
        const endpoint = build(random);
        const chain = resolve(endpoint, random);
        const links = chain.links.map(({ target }) => target);
        const left = skippedTargets(endpoint, chain).map(({ target }) => target);
        expect(links.length).toBeGreaterThan(0);
        expect(new Set([...links, ...left]).size).toBe(links.length + left.length);
        expect(new Set([...links, ...left])).toEqual(new Set([...endpoint.primaries, ...endpoint.fallbacks]));
        expect(new Set(links.map(({ health }) => health)).size).toBe(links.length);
        const fallbacks = chain.links.filter(({ isFallback }) => isFallback).length;
        expect(fallbacks).toBeLessThanOrEqual(random.maxAttempts || Number.POSITIVE_INFINITY);
        expect(chain.links.map(({ position }) => position)).toEqual(links.map((_, index) => index));
        expect(resolve(endpoint, random)).toEqual(chain);
      }),
      { numRuns: 400 },
    );
  });

  it("has its healthy targets first, then the least bad, and in the order of full health where those are equal", () => {
    fc.assert(
      fc.property(world, (random) => {
        const endpoint = build(random);
        const links = resolve(endpoint, random).links.map(({ target }) => target);
        // Who is in service is not a matter of health.
        const cure = <One extends { readonly trouble: string }>(one: One) => ({
          ...one,
          trouble: one.trouble === "drained" ? ("drained" as const) : ("none" as const),
        });
        const wellAgain: World = {
          ...random,
          primaries: random.primaries.map(cure),
          fallbacks: random.fallbacks.map(cure),
          maxAttempts: 0,
        };
        const inHealth = resolve(build(wellAgain), random).links.map(({ target }) => target.name);
        const firstUnwell = links.findIndex((target) => !isWell(target));
        if (firstUnwell >= 0) {
          expect(links.slice(firstUnwell).some(isWell)).toBe(false);
        }
        const byHealth = (one: Target, other: Target) =>
          restOf(one) - restOf(other) || inHealth.indexOf(one.name) - inHealth.indexOf(other.name);
        expect(links).toEqual(links.toSorted(byHealth));
      }),
      { numRuns: 300 },
    );
  });

  it("moves only the share of a target that goes, for requests with a sticky key", () => {
    const targets = [1, 2, 3, 4].map((weightOf) => ({ model: `m${weightOf}`, weight: weightOf }));
    const stickyKey = 'request.headers["x-session"]';
    const compile = (list: readonly MappingSketch[]) =>
      compileEndpoint(toEndpoint({ split: true, stickyKey, targets: list }), createTestCompileHost());
    const [all, without] = [compile(targets), compile(targets.filter(({ model }) => model !== "m3"))];
    const count = 2_000;
    let moved = 0;
    for (let session = 0; session < count; session += 1) {
      const request = { headers: { "x-session": `s-${session}` }, maxTokens: 10, draw: 0.5 } as unknown as World;
      const before = resolve(all, request).links[0]?.target.name;
      const after = resolve(without, request).links[0]?.target.name;
      if (before !== after) {
        expect(before).toBe("m3");
        moved += 1;
      }
    }
    const share = 0.3 * count;
    expect(Math.abs(moved - share)).toBeLessThan(5 * Math.sqrt(share * 0.7));
  });
});
