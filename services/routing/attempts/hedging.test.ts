import { beforeEach, describe, expect, it } from "vitest";
import { configV1, errorsV1, inferenceV1 } from "#contracts";
import type { RpcError } from "#rpc";
import { type MappingSketch, quickRetries } from "../testing/config-messages.ts";
import { expectSpansToTell, trailOf } from "../testing/expect-spans.ts";
import { answers, type FakeExchange, FakeTransport, hangs, type Play, refuses } from "../testing/fake-transport.ts";
import { type HeldTime, holdTime } from "../testing/hold-time.ts";
import { inShort, TestRouting } from "../testing/test-routing.ts";

const targets: readonly MappingSketch[] = [
  { model: "one" },
  { model: "two", fallback: 1 },
  { model: "three", fallback: 2 },
];
const breaker = { failureRatio: 0.5, minRequests: 1, openForMs: 60_000 };
const hedged = { hedgeAfterMs: 20, retries: quickRetries(0), breaker };
const later =
  (delayMs: number, play: Play): Play =>
  (exchange) =>
    void setTimeout(() => !exchange.isAborted && play(exchange), delayMs);
const chunk = (text: string) => `data: ${JSON.stringify({ text })}\n\n`;
const finish = `data: ${JSON.stringify({ finish: "stop" })}\n\n`;
const streamsHello: Play = (exchange) =>
  void exchange.head(200, { "content-type": "text/event-stream" }).data(chunk("hello")).data(finish).end();

function route(policy: Partial<configV1.Policy>, ...plays: readonly Play[]) {
  const transport = new FakeTransport(...plays);
  const routing = new TestRouting({ transport, endpoints: [{ targets, policy: { ...hedged, ...policy } }] });
  return { transport, routing };
}

/** Names of the targets that nothing speaks against. */
function healthyOf({ host }: TestRouting): string[] {
  const endpoint = host.intake.currentSnapshot()?.endpoints.get("chat");
  const all = [...(endpoint?.primaries ?? []), ...(endpoint?.fallbacks ?? [])];
  return all
    .filter(({ health, breaker: own }) => health.availability(own, performance.now()) === "available")
    .map(({ name }) => name);
}

let time: HeldTime;
beforeEach(() => {
  time = holdTime();
});

describe("a hedge", () => {
  it("goes to the next target when the first has not begun to answer, and the slower one is cancelled at once", async () => {
    const { transport, routing } = route({}, hangs, later(10, answers()));
    const { trail } = await time.passUntil(routing.invoke());
    expect(inShort(trail)).toEqual(["1 fake/one 0 CANCELLED", "2 fake/two 200 SERVED"]);
    expect(trail?.attempts[0]?.failureClass).toBe(errorsV1.FailureClass.HEDGE_LOST);
    expect(transport.exchanges.map(({ isAborted }) => isAborted)).toEqual([true, false]);
    expectSpansToTell(routing, trail, { isHedged: true });
    const [lost, won] = routing.attemptSpans.sort((left, right) => left.startMs - right.startMs);
    expect(won?.startMs).toBeLessThan(lost?.endMs ?? 0);
    expect(lost?.endMs).toBe(won?.endMs);
    expect(lost).toMatchObject({
      status: "UNSET",
      attributes: { "spillway.attempt.failure_class": "HEDGE_LOST", "spillway.attempt.decision": "cancelled" },
    });
  });

  it("that loses is cancelled and speaks against nobody", async () => {
    const { transport, routing } = route({}, later(60, answers()), hangs);
    const { trail } = await time.passUntil(routing.invoke());
    expect(inShort(trail)).toEqual(["1 fake/one 200 SERVED", "2 fake/two 0 CANCELLED"]);
    expect(transport.exchanges.map(({ isAborted }) => isAborted)).toEqual([false, true]);
    expect(healthyOf(routing)).toEqual(["one", "two", "three"]);
    expect(routing.requestSpan?.attributes["spillway.fallback.used"]).toBe(false);
  });

  it("is not made when the first has begun to answer", async () => {
    const begins: Play = (exchange) => {
      exchange.head(200).data('{"text":');
      setTimeout(() => exchange.data('"hello"}').end(), 60);
    };
    const { trail } = await time.passUntil(route({}, begins).routing.invoke());
    expect(inShort(trail)).toEqual(["1 fake/one 200 SERVED"]);
  });

  it("is not made when the first has failed before, nor for a retry", async () => {
    const { routing } = route({ retries: quickRetries(1), breaker: {} }, refuses(503), later(60, answers()));
    expect(inShort((await time.passUntil(routing.invoke())).trail)).toEqual([
      "1 fake/one 503 RETRY",
      "2 fake/one 200 SERVED",
    ]);
  });

  it("never exceeds the budget of calls", async () => {
    const { routing } = route({ maxTotalAttempts: 1 }, later(60, answers()));
    expect(inShort((await time.passUntil(routing.invoke())).trail)).toEqual(["1 fake/one 200 SERVED"]);
  });

  it("never goes to a target that is not healthy", async () => {
    const { routing } = route({}, later(60, answers()));
    for (const { health } of routing.host.intake.currentSnapshot()?.endpoints.get("chat")?.fallbacks ?? []) {
      health.cool(performance.now() + 60_000, performance.now());
    }
    expect(inShort((await time.passUntil(routing.invoke())).trail)).toEqual(["1 fake/one 200 SERVED"]);
  });

  it("whose both attempts fail lets the chain go on", async () => {
    const { routing } = route({}, later(80, refuses(500)), refuses(404), later(150, answers()));
    const { trail } = await time.passUntil(routing.invoke());
    expect(inShort(trail)).toEqual(["1 fake/one 500 NEXT", "2 fake/two 404 NEXT", "3 fake/three 200 SERVED"]);
    expectSpansToTell(routing, trail, { isHedged: true });
  });

  it("whose attempts all fail tells of all", async () => {
    const { routing } = route({ maxTotalAttempts: 2 }, later(60, refuses(500)), refuses(404));
    const error = (await time.passUntil(routing.invoke().catch((thrown: RpcError) => thrown))) as RpcError;
    expect(error).toMatchObject({ reason: "TARGETS_EXHAUSTED", metadata: { http_status: "502" } });
    expect(inShort(trailOf(error))).toEqual(["1 fake/one 500 EXHAUSTED", "2 fake/two 404 NEXT"]);
  });

  it("is not waited for when the first finds the caller at fault", async () => {
    const { transport, routing } = route({}, later(60, refuses(400)), hangs);
    const error = (await time.passUntil(routing.invoke().catch((thrown: RpcError) => thrown))) as RpcError;
    expect(error).toMatchObject({ reason: "CALLER_FAULT", metadata: { http_status: "400" } });
    expect(inShort(trailOf(error))).toEqual(["1 fake/one 400 STOP", "2 fake/two 0 CANCELLED"]);
    expect(transport.exchanges[1]?.isAborted).toBe(true);
  });

  it("that may still serve is not passed over for a target that asked for time", async () => {
    const limited = later(40, refuses(429, { "retry-after-ms": "10" }));
    const two = targets.slice(0, 2);
    const transport = new FakeTransport(limited, later(100, answers()), answers());
    const policy = { ...hedged, retries: quickRetries(1) };
    const routing = new TestRouting({ transport, endpoints: [{ targets: two, policy }] });
    expect(inShort((await time.passUntil(routing.invoke())).trail)).toEqual([
      "1 fake/one 429 NEXT",
      "2 fake/two 200 SERVED",
    ]);
  });

  it("is cancelled with its rival when the caller goes away, and when the deadline passes", async () => {
    const leaving = new AbortController();
    const left = route({}, hangs);
    const answer = left.routing.invoke({ signal: leaving.signal }).catch((thrown: RpcError) => thrown);
    time.advance(hedged.hedgeAfterMs);
    expect(left.transport.exchanges).toHaveLength(2);
    leaving.abort();
    expect(await answer).toMatchObject({ code: "CANCELLED" });
    expect(left.transport.exchanges.map(({ isAborted }) => isAborted)).toEqual([true, true]);
    expect(healthyOf(left.routing)).toEqual(["one", "two", "three"]);

    const late = route({ timeouts: { deadlineMs: 60 } }, hangs);
    const error = await time.passUntil(late.routing.invoke().catch((thrown: RpcError) => thrown));
    expect(error).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    expect(late.transport.exchanges.map(({ isAborted }) => isAborted)).toEqual([true, true]);
  });
});

describe.each([
  ["interactive", configV1.StreamMode.INTERACTIVE],
  ["complete", configV1.StreamMode.COMPLETE],
])("a hedged stream in %s mode", (_name, streamMode) => {
  it("is served by whoever is first, and the other one is cancelled", async () => {
    const { transport, routing } = route({ streamMode }, hangs, streamsHello);
    const seen = await time.passUntil(routing.readStream());
    expect(seen.text).toBe(`${chunk("hello")}${finish}data: [DONE]\n\n`);
    expect(inShort(seen.finalTrail)).toEqual(["1 fake/one 0 CANCELLED", "2 fake/two 200 SERVED"]);
    expect(inShort(seen.head?.trail)).toEqual(inShort(seen.finalTrail));
    expect(transport.exchanges.map(({ isAborted }) => isAborted)).toEqual([true, false]);
    expectSpansToTell(routing, seen.finalTrail, { isHedged: true });
  });

  it("passes nothing on of the one that lost", async () => {
    const begins: Play = (exchange) =>
      void exchange.head(200, { "content-type": "text/event-stream" }).data('data: {"role":"assistant"}\n\n');
    const { transport, routing } = route({ streamMode }, begins, streamsHello);
    const seen = await time.passUntil(routing.readStream());
    expect(seen.text).toBe(`${chunk("hello")}${finish}data: [DONE]\n\n`);
    const [first] = transport.exchanges as [FakeExchange];
    expect(first.isAborted).toBe(true);
    expect(seen.finalTrail?.attempts[0]?.decision).toBe(inferenceV1.AttemptDecision.CANCELLED);
  });
});
