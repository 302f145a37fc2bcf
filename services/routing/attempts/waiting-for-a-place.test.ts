import { beforeEach, describe, expect, it } from "vitest";
import { type configV1, errorsV1 } from "#contracts";
import { type MappingSketch, quickRetries } from "../testing/config-messages.ts";
import { expectSpansToTell } from "../testing/expect-spans.ts";
import {
  answers,
  type FakeExchange,
  FakeTransport,
  hangs,
  type Play,
  refuses,
  streams,
} from "../testing/fake-transport.ts";
import { type HeldTime, holdTime } from "../testing/hold-time.ts";
import { inShort, TestRouting } from "../testing/test-routing.ts";

const two: readonly MappingSketch[] = [{ model: "one" }, { model: "two", fallback: 1 }];
const streamsHello = streams('data: {"text":"hello"}\n\n', 'data: {"finish":"stop"}\n\n', "data: [DONE]\n\n");

function route(
  options: { targets?: readonly MappingSketch[]; maxAttempts?: number; policy?: Partial<configV1.Policy> },
  ...plays: Play[]
) {
  const { targets = two, policy = {}, ...more } = options;
  const transport = new FakeTransport(...plays);
  const endpoints = [{ targets, policy: { retries: quickRetries(0), ...policy }, ...more }];
  return { transport, routing: new TestRouting({ transport, endpoints }) };
}

/** Begins requests whose calls hang; gives the calls once they are under way. */
async function begin({ transport, routing }: ReturnType<typeof route>, count: number) {
  const before = transport.exchanges.length;
  const over = Array.from({ length: count }, () => routing.invoke().catch((thrown: unknown) => thrown));
  await expect.poll(() => transport.exchanges.length).toBe(before + count);
  return { exchanges: transport.exchanges.slice(before) as FakeExchange[], over };
}

let time: HeldTime;
beforeEach(() => {
  time = holdTime();
});

describe("a request that waits for a place", () => {
  it.each(["in one piece", "streamed"])("is hedged as one that waits for an answer (%s)", async (kind) => {
    const policy = { maxQueueWaitMs: 60_000, hedgeAfterMs: 30 };
    const limited = [
      { model: "one", policy: { maxConcurrency: 1 } },
      { model: "two", fallback: 1 },
    ];
    const routed = route({ targets: limited, policy }, hangs, hangs, kind === "streamed" ? streamsHello : answers());
    // The hedge of the first request is taken up by the second call, and neither answers.
    const first = routed.routing.invoke().catch((thrown: unknown) => thrown);
    time.advance(policy.hedgeAfterMs);
    expect(routed.transport.exchanges).toHaveLength(2);
    const read = async () => (await routed.routing.readStream()).finalTrail;
    const ask = async () => (await routed.routing.invoke()).trail;
    const trail = await time.passUntil(kind === "streamed" ? read() : ask());
    expect(inShort(trail)).toEqual(["0 fake/one 0 NEXT", "1 fake/two 200 SERVED"]);
    expect(trail?.attempts[0]).toMatchObject({ failureClass: errorsV1.FailureClass.TARGET_SATURATED });
    for (const exchange of routed.transport.exchanges) {
      exchange.end();
    }
    await first;
  });

  it("leaves a target that became unhealthy meanwhile for one that is not", async () => {
    const breaker = { failureRatio: 0.5, minRequests: 1, windowMs: 10_000, openForMs: 1, halfOpenProbes: 1 };
    const limited = [
      { model: "one", policy: { maxConcurrency: 1 } },
      { model: "two", fallback: 1 },
    ];
    const routed = route(
      { targets: limited, policy: { breaker, maxQueueWaitMs: 60_000 } },
      hangs,
      answers("by two"),
      answers("by two"),
      answers("by two"),
    );
    const { exchanges, over } = await begin(routed, 1);
    const waiting = Array.from({ length: 3 }, () => routed.routing.invoke());
    await new Promise((resolve) => setImmediate(resolve));
    refuses(500)(exchanges[0] as FakeExchange);
    const trails = await Promise.all(waiting.map(async (answer) => inShort((await answer).trail)));
    await Promise.all(over);
    const elsewhere = trails.filter((trail) => trail.includes("1 fake/two 200 SERVED"));
    expect(elsewhere.length).toBeGreaterThanOrEqual(2);
    for (const trail of elsewhere) {
      expect(trail[0]).toBe("0 fake/one 0 NEXT");
    }
  });

  it("comes back to the target that it left when the better one has no place either", async () => {
    const breaker = { failureRatio: 0.5, minRequests: 1, windowMs: 10_000, openForMs: 1_000, halfOpenProbes: 1 };
    const limited = [
      { model: "one", policy: { maxConcurrency: 1 } },
      { model: "two", fallback: 1, policy: { maxConcurrency: 1 } },
    ];
    const routed = route({ targets: limited, policy: { breaker, maxQueueWaitMs: 100 } }, hangs, answers("by one"));
    const full = routed.routing.host.intake.currentSnapshot()?.endpoints.get("chat")?.fallbacks[0]?.limits[0];
    expect(full?.tryEnter()).toBe(true);
    const { exchanges, over } = await begin(routed, 1);
    const waiting = routed.routing.invoke();
    await new Promise((resolve) => setImmediate(resolve));
    refuses(500)(exchanges[0] as FakeExchange);
    const { trail } = await time.passUntil(waiting);
    expect(inShort(trail)).toEqual(["0 fake/one 0 NEXT", "0 fake/two 0 NEXT", "1 fake/one 200 SERVED"]);
    await time.passUntil(Promise.all(over));
  });

  it("takes its place at an unhealthy target when there is no other", async () => {
    const routed = route(
      { targets: [{ model: "one" }], policy: { maxConcurrency: 1, maxQueueWaitMs: 60_000 } },
      hangs,
      answers(),
    );
    const { exchanges, over } = await begin(routed, 1);
    const waiting = routed.routing.invoke();
    await new Promise((resolve) => setImmediate(resolve));
    refuses(429, { "retry-after-ms": "60000" })(exchanges[0] as FakeExchange);
    expect(inShort((await waiting).trail)).toEqual(["1 fake/one 200 SERVED"]);
    await Promise.all(over);
  });
});

it("a FALLBACK target without a place leaves its turn in max_attempts to the next", async () => {
  const targets = [
    { model: "one" },
    { model: "two", fallback: 1, policy: { maxConcurrency: 1 } },
    { model: "three", fallback: 2 },
    { model: "four", fallback: 3 },
  ];
  const routed = route({ targets, maxAttempts: 1 }, refuses(404), hangs, refuses(404), refuses(404), answers());
  const { exchanges, over } = await beginAtSecond(routed);
  const error = await routed.routing.invoke().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ reason: "TARGETS_EXHAUSTED" });
  expect(routed.transport.models).toEqual(["one", "two", "one", "three"]);
  exchanges[1]?.end();
  await over;
});

/** Begins a request whose first call fails and whose second hangs. */
async function beginAtSecond({ transport, routing }: ReturnType<typeof route>) {
  const over = routing.invoke().catch((thrown: unknown) => thrown);
  await expect.poll(() => transport.exchanges.length).toBe(2);
  return { exchanges: transport.exchanges, over };
}

it("the time for which a provider asks to be left alone is told on the attempt's span", async () => {
  const { routing } = route({}, refuses(429, { "retry-after-ms": "5000" }), answers());
  expectSpansToTell(routing, (await routing.invoke()).trail);
  const [limited] = routing.attemptSpans;
  expect(limited?.events).toEqual([
    { name: "target_cooling", attributes: { "spillway.target.cooling_ms": expect.any(Number) } },
  ]);
  expect(limited?.events[0]?.attributes?.["spillway.target.cooling_ms"]).toBeGreaterThan(4_000);
});

it("targets that their health checks know to be down are a 503", async () => {
  const { routing } = route({}, refuses(500), refuses(404));
  const endpoint = routing.host.intake.currentSnapshot()?.endpoints.get("chat");
  for (const { health } of [...(endpoint?.primaries ?? []), ...(endpoint?.fallbacks ?? [])]) {
    health.reportProbe(false);
  }
  const error = await routing.invoke().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ reason: "TARGETS_UNREACHABLE", metadata: { http_status: "503" } });
});
