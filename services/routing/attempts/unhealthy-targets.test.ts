import { beforeEach, describe, expect, it } from "vitest";
import type { configV1 } from "#contracts";
import type { RpcError } from "#rpc";
import type { Target } from "../snapshot/snapshot.ts";
import { type MappingSketch, quickRetries } from "../testing/config-messages.ts";
import { trailOf } from "../testing/expect-spans.ts";
import {
  answers,
  answersWith,
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
const breaker = { failureRatio: 0.5, minRequests: 2, windowMs: 10_000, openForMs: 60_000, halfOpenProbes: 1 };
const servedBy = (model: string) => [`1 fake/${model} 200 SERVED`];

function route(options: { targets?: readonly MappingSketch[]; policy?: Partial<configV1.Policy> }, ...plays: Play[]) {
  const { targets = two, policy = {} } = options;
  const transport = new FakeTransport(...plays);
  const endpoints = [{ targets, policy: { breaker, retries: quickRetries(0), ...policy } }];
  return { transport, routing: new TestRouting({ transport, endpoints }) };
}

function targetOf({ host }: TestRouting, name: string): Target {
  const endpoint = host.intake.currentSnapshot()?.endpoints.get("chat");
  const target = [...(endpoint?.primaries ?? []), ...(endpoint?.fallbacks ?? [])].find((one) => one.name === name);
  if (target === undefined) {
    throw new Error(`no target ${name}`);
  }
  return target;
}

const stateOf = (routing: TestRouting, name: string) => targetOf(routing, name).breaker.state(performance.now());
const failureOf = async (answer: Promise<unknown>) => (await answer.catch((thrown: unknown) => thrown)) as RpcError;
const trailAfter = async (routing: TestRouting) => inShort((await time.passUntil(routing.invoke())).trail);

let time: HeldTime;
beforeEach(() => {
  time = holdTime();
});

describe("a target whose breaker is open", () => {
  it("goes behind the healthy ones", async () => {
    const { transport, routing } = route({}, refuses(500), answers(), refuses(500), answers());
    await routing.invoke();
    await routing.invoke();
    expect(stateOf(routing, "one")).toBe("open");
    expect(await trailAfter(routing)).toEqual(servedBy("two"));
    expect(transport.models).toEqual(["one", "two", "one", "two", "two"]);
  });

  it("is tried all the same when all others fail", async () => {
    const { routing } = route({}, refuses(500), answers(), refuses(500), answers(), refuses(404), answers());
    await routing.invoke();
    await routing.invoke();
    expect(await trailAfter(routing)).toEqual(["1 fake/two 404 NEXT", "2 fake/one 200 SERVED"]);
  });

  it("is tried all the same when all are open: the gateway never refuses by itself", async () => {
    const { routing } = route({ targets: [{ model: "one" }] }, refuses(500), refuses(500), refuses(500), answers());
    for (let count = 0; count < 3; count += 1) {
      await failureOf(routing.invoke());
    }
    expect(stateOf(routing, "one")).toBe("open");
    expect(await trailAfter(routing)).toEqual(servedBy("one"));
  });

  it("is not retried in the request that opened it while another target is left", async () => {
    const policy = { retries: quickRetries(3), breaker: { ...breaker, minRequests: 1 } };
    const { routing } = route({ policy }, refuses(500), answers());
    expect(await trailAfter(routing)).toEqual(["1 fake/one 500 NEXT", "2 fake/two 200 SERVED"]);
    const [opened] = routing.attemptSpans;
    expect(opened?.events).toEqual([
      { name: "breaker_changed", attributes: { "spillway.breaker.from": "closed", "spillway.breaker.to": "open" } },
    ]);
  });

  it("is retried when it is the only one", async () => {
    const policy = { retries: quickRetries(1), breaker: { ...breaker, minRequests: 1 } };
    const { routing } = route({ policy, targets: [{ model: "one" }] }, refuses(500), answers());
    expect(await trailAfter(routing)).toEqual(["1 fake/one 500 RETRY", "2 fake/one 200 SERVED"]);
  });

  it("that opened after the chain was resolved is passed over for one that is healthy", async () => {
    const targets = [{ model: "one" }, { model: "two", fallback: 1 }, { model: "three", fallback: 2 }];
    const { transport, routing } = route({ targets }, hangs, answers());
    const answer = routing.invoke();
    await expect.poll(() => transport.exchanges.length).toBe(1);
    targetOf(routing, "two").health.cool(performance.now() + 60_000, performance.now());
    refuses(404)(transport.exchanges[0] as FakeExchange);
    expect(inShort((await answer).trail)).toEqual(["1 fake/one 404 NEXT", "2 fake/three 200 SERVED"]);
  });
});

describe("a target that comes back", () => {
  it("gets as many calls at once as there may be probes, and all others go on elsewhere until it has proved itself", async () => {
    const policy = { breaker: { ...breaker, minRequests: 1, openForMs: 1, halfOpenProbes: 2 } };
    const plays: Play = (exchange) => exchange.model === "two" && answers()(exchange);
    const { transport, routing } = route({ policy }, refuses(500), plays);
    await routing.invoke();
    time.advance(1);
    expect(stateOf(routing, "one")).toBe("half-open");
    const requests = Array.from({ length: 10 }, () => routing.invoke());
    await expect.poll(() => transport.exchanges.length).toBe(12);
    const probes = transport.exchanges.slice(2).filter(({ model }) => model === "one");
    expect(probes).toHaveLength(2);
    for (const probe of probes) {
      answers()(probe);
    }
    await Promise.all(requests);
    expect(stateOf(routing, "one")).toBe("closed");
  });

  it("gets no more even when many requests fall back to it at the same time", async () => {
    const policy = { breaker: { ...breaker, minRequests: 1, openForMs: 1, halfOpenProbes: 1 } };
    const targets = [{ model: "one" }, { model: "two", fallback: 1 }, { model: "three", fallback: 2 }];
    const { transport, routing } = route({ policy, targets }, hangs);
    const { breaker: ofTwo } = targetOf(routing, "two");
    ofTwo.report(ofTwo.begin(performance.now()), "failure", performance.now());
    time.advance(1);
    expect(stateOf(routing, "two")).toBe("half-open");
    const leaving = new AbortController();
    const requests = Array.from({ length: 8 }, () => failureOf(routing.invoke({ signal: leaving.signal })));
    await expect.poll(() => transport.exchanges.length).toBe(8);
    for (const exchange of transport.exchanges.slice()) {
      refuses(404)(exchange);
    }
    await expect.poll(() => transport.exchanges.length).toBe(16);
    expect(transport.models.filter((model) => model === "two")).toHaveLength(1);
    expect(transport.models.filter((model) => model === "three")).toHaveLength(7);
    leaving.abort();
    await Promise.all(requests);
  });
});

describe("a target that asked to be left alone", () => {
  it("after a rate limit is behind for as long as it asked", async () => {
    const { routing } = route({}, refuses(429, { "retry-after-ms": "150" }), answers());
    await routing.invoke();
    expect(await trailAfter(routing)).toEqual(servedBy("two"));
    time.advance(150);
    expect(await trailAfter(routing)).toEqual(servedBy("one"));
    expect(stateOf(routing, "one")).toBe("closed");
  });

  it("does not count against a target when it did not say for how long", async () => {
    const { routing } = route({}, refuses(429), answers());
    await routing.invoke();
    expect(await trailAfter(routing)).toEqual(servedBy("one"));
  });

  it("for want of quota is left alone for long", async () => {
    const { routing } = route({}, answersWith({ error: "PROVIDER_QUOTA_EXHAUSTED" }), answers());
    await routing.invoke();
    expect(await trailAfter(routing)).toEqual(servedBy("two"));
    const { health } = targetOf(routing, "one");
    expect(health.coolingMs(performance.now())).toBeGreaterThan(200_000);
  });
});

describe("nobody is hurt", () => {
  const strict = { breaker: { ...breaker, minRequests: 1 } };

  it.each([
    ["a caller's own fault", refuses(400), {}],
    ["a caller's own deadline", hangs, { headers: { "x-spillway-deadline-ms": "30" } }],
    ["a caller who leaves", hangs, { leavesAfterMs: 20 }],
  ] as const)("by %s", async (_name, play, { leavesAfterMs = undefined, ...context }: Record<string, unknown>) => {
    const { routing } = route({ policy: strict }, play);
    const leaving = new AbortController();
    if (leavesAfterMs !== undefined) {
      setTimeout(() => leaving.abort(), Number(leavesAfterMs));
    }
    await time.passUntil(failureOf(routing.invoke({ ...context, signal: leaving.signal })));
    expect(stateOf(routing, "one")).toBe("closed");
  });

  it("by a caller's own deadline after the commit", async () => {
    const text = 'data: {"text":"he"}\n\n';
    const { routing } = route({ policy: strict }, (exchange) => {
      exchange.head(200, { "content-type": "text/event-stream" }).data(text);
    });
    const { error } = await time.passUntil(routing.readStream({ headers: { "x-spillway-deadline-ms": "40" } }));
    expect(error).toMatchObject({ reason: "STREAM_BROKEN" });
    expect(stateOf(routing, "one")).toBe("closed");
  });

  it("by a deadline of which others used up most", async () => {
    const policy = { ...strict, timeouts: { attemptMs: 100, deadlineMs: 120 } };
    const { routing } = route({ policy }, hangs);
    const error = await time.passUntil(failureOf(routing.invoke()));
    expect(inShort(trailOf(error))).toEqual(["1 fake/one 0 NEXT", "2 fake/two 0 EXHAUSTED"]);
    expect([stateOf(routing, "one"), stateOf(routing, "two")]).toEqual(["open", "closed"]);
  });

  it("by a caller's own deadline, a hedge included", async () => {
    const { transport, routing } = route({ policy: { ...strict, hedgeAfterMs: 10 } }, hangs);
    await time.passUntil(failureOf(routing.invoke({ headers: { "x-spillway-deadline-ms": "60" } })));
    expect(transport.models).toEqual(["one", "two"]);
    expect([stateOf(routing, "one"), stateOf(routing, "two")]).toEqual(["closed", "closed"]);
  });

  it("but a target that used up the deadline of the policy is", async () => {
    const { routing } = route({ policy: { ...strict, timeouts: { deadlineMs: 30 } } }, hangs);
    await time.passUntil(failureOf(routing.invoke()));
    expect(stateOf(routing, "one")).toBe("open");
  });

  it("but one that breaks its stream after the commit is", async () => {
    const { routing } = route({ policy: strict }, streams('data: {"text":"he"}\n\n'));
    const { error } = await routing.readStream();
    expect(inShort(trailOf(error as RpcError))).toEqual(["1 fake/one 200 STOP"]);
    expect(stateOf(routing, "one")).toBe("open");
  });
});
