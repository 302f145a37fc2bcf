import { beforeEach, describe, expect, it } from "vitest";
import { type configV1, errorsV1, googleRpc } from "#contracts";
import type { RpcError } from "#rpc";
import { type MappingSketch, quickRetries } from "../testing/config-messages.ts";
import { expectSpansToTell, trailOf } from "../testing/expect-spans.ts";
import { answers, type FakeExchange, FakeTransport, hangs, type Play, refuses } from "../testing/fake-transport.ts";
import { type HeldTime, holdTime } from "../testing/hold-time.ts";
import { inShort, TestRouting } from "../testing/test-routing.ts";

const two: readonly MappingSketch[] = [{ model: "one" }, { model: "two", fallback: 1 }];
const alone: readonly MappingSketch[] = [{ model: "one" }];
const skipped = (model: string, decision = "NEXT") => `0 fake/${model} 0 ${decision}`;

function route(options: { targets?: readonly MappingSketch[]; policy?: Partial<configV1.Policy> }, ...plays: Play[]) {
  const { targets = two, policy = {} } = options;
  const transport = new FakeTransport(...plays);
  const endpoints = [{ targets, policy: { maxConcurrency: 1, retries: quickRetries(0), ...policy } }];
  return { transport, routing: new TestRouting({ transport, endpoints }) };
}

/** A request that takes the place of its target until its call is ended from outside. */
async function occupy({ transport, routing }: ReturnType<typeof route>): Promise<{
  readonly exchange: FakeExchange;
  readonly leave: () => void;
  readonly over: Promise<unknown>;
}> {
  const leaving = new AbortController();
  const before = transport.exchanges.length;
  const over = routing.invoke({ signal: leaving.signal }).catch((thrown: RpcError) => thrown);
  await expect.poll(() => transport.exchanges.length).toBe(before + 1);
  return { exchange: transport.exchanges[before] as FakeExchange, leave: () => leaving.abort(), over };
}

const failureOf = async (answer: Promise<unknown>) => (await answer.catch((thrown: unknown) => thrown)) as RpcError;
const placesOf = ({ host }: TestRouting) =>
  host.intake
    .currentSnapshot()
    ?.endpoints.get("chat")
    ?.primaries[0]?.limits.map(({ inFlight }) => inFlight);

let time: HeldTime;
beforeEach(() => {
  time = holdTime();
});

describe("a target without a free place", () => {
  it("is skipped: no call, no span, no part of the budget", async () => {
    const routed = route({ policy: { maxTotalAttempts: 1 } }, hangs, answers());
    const first = await occupy(routed);
    const { trail } = await routed.routing.invoke();
    expect(inShort(trail)).toEqual([skipped("one"), "1 fake/two 200 SERVED"]);
    expect(trail?.attempts[0]).toMatchObject({ failureClass: errorsV1.FailureClass.TARGET_SATURATED, index: 0 });
    expect(routed.transport.models).toEqual(["one", "two"]);
    expectSpansToTell(routed.routing, trail);
    expect(routed.routing.requestSpan).toMatchObject({
      attributes: { "spillway.attempts": 1 },
      events: [
        {
          name: "target_skipped",
          attributes: {
            "spillway.target.id": expect.stringMatching(/^t-[0-9a-f]{16}$/),
            "spillway.mapping.id": "m-chat-one",
            "spillway.chain.skip_reason": "TARGET_SATURATED",
          },
        },
      ],
    });
    first.leave();
    await first.over;
  });

  it("is not hurt by it", async () => {
    const breaker = { failureRatio: 0.1, minRequests: 1 };
    const routed = route({ policy: { breaker } }, hangs, answers());
    const first = await occupy(routed);
    for (let count = 0; count < 3; count += 1) {
      await routed.routing.invoke();
    }
    answers()(first.exchange);
    await first.over;
    expect(inShort((await routed.routing.invoke()).trail)).toEqual(["1 fake/one 200 SERVED"]);
  });

  it("is a 503 with Retry-After where all are so", async () => {
    const routed = route({ targets: alone }, hangs);
    const first = await occupy(routed);
    const error = await failureOf(routed.routing.invoke());
    expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "TARGETS_SATURATED", metadata: { http_status: "503" } });
    expect(error.detail("google.rpc.RetryInfo", googleRpc.RetryInfo)?.retryDelay?.seconds).toBe(1n);
    expect(inShort(trailOf(error))).toEqual([skipped("one", "EXHAUSTED")]);
    first.leave();
    await first.over;
  });

  it("is left out of the judgement where another failed", async () => {
    const routed = route({}, hangs, refuses(429, { "retry-after-ms": "5000" }));
    const first = await occupy(routed);
    const error = await failureOf(routed.routing.invoke());
    expect(error).toMatchObject({ reason: "TARGETS_RATE_LIMITED", metadata: { http_status: "429" } });
    first.leave();
    await first.over;
  });

  it("makes a target that asked for time be come back to", async () => {
    const policy = { retries: quickRetries(1), maxConcurrency: undefined };
    const targets = [{ model: "one" }, { model: "two", fallback: 1, policy: { maxConcurrency: 1 } }];
    const transport = new FakeTransport(refuses(404), hangs, refuses(429, { "retry-after-ms": "20" }), answers());
    const routing = new TestRouting({ transport, endpoints: [{ targets, policy }] });
    const leaving = new AbortController();
    const first = routing.invoke({ signal: leaving.signal }).catch(() => undefined);
    await expect.poll(() => transport.exchanges.length).toBe(2);
    const { trail } = await time.passUntil(routing.invoke());
    expect(inShort(trail)).toEqual(["1 fake/one 429 NEXT", skipped("two"), "2 fake/one 200 SERVED"]);
    leaving.abort();
    await first;
  });
});

describe("a wait for a place", () => {
  it("ends with the place", async () => {
    const routed = route({ targets: alone, policy: { maxQueueWaitMs: 5_000 } }, hangs, answers());
    const first = await occupy(routed);
    const second = routed.routing.invoke();
    await new Promise((resolve) => setImmediate(resolve));
    answers("first")(first.exchange);
    expect(inShort((await second).trail)).toEqual(["1 fake/one 200 SERVED"]);
    await first.over;
    expect(placesOf(routed.routing)).toEqual([0]);
  });

  it("ends after max_queue_wait, and is told as its time", async () => {
    const routed = route({ policy: { maxQueueWaitMs: 40 } }, hangs, answers());
    const first = await occupy(routed);
    const { trail } = await time.passUntil(routed.routing.invoke());
    expect(inShort(trail)).toEqual([skipped("one"), "1 fake/two 200 SERVED"]);
    expect(trail?.attempts[0]?.durationMs).toBe(40);
    expect(trail?.overheadMs).toBe(40);
    first.leave();
    await first.over;
  });

  it("ends with the deadline, and nothing else is called", async () => {
    const routed = route({ policy: { maxQueueWaitMs: 5_000 } }, hangs, answers());
    const first = await occupy(routed);
    const call = routed.routing.invoke({ headers: { "x-spillway-deadline-ms": "40" } });
    const error = await time.passUntil(failureOf(call));
    expect(error).toMatchObject({ reason: "DEADLINE_EXCEEDED", metadata: { http_status: "504" } });
    expect(error.message).toContain("fake/one: TARGET_SATURATED");
    expect(inShort(trailOf(error))).toEqual([skipped("one", "EXHAUSTED")]);
    expect(routed.transport.models).toEqual(["one"]);
    first.leave();
    await first.over;
  });

  it("ends when the caller goes away, and takes no place", async () => {
    const routed = route({ targets: alone, policy: { maxQueueWaitMs: 5_000 } }, hangs, answers());
    const first = await occupy(routed);
    const leaving = new AbortController();
    const second = failureOf(routed.routing.invoke({ signal: leaving.signal }));
    leaving.abort();
    expect(await second).toMatchObject({ code: "CANCELLED" });
    first.leave();
    await first.over;
    expect(placesOf(routed.routing)).toEqual([0]);
    expect(inShort((await routed.routing.invoke()).trail)).toEqual(["1 fake/one 200 SERVED"]);
  });
});

describe("a place", () => {
  it("is held by a stream until its real end", async () => {
    const routed = route({ targets: alone }, hangs);
    const reader = routed.routing.stream()[Symbol.asyncIterator]();
    const head = reader.next();
    await expect.poll(() => routed.transport.exchanges.length).toBe(1);
    const [exchange] = routed.transport.exchanges as [FakeExchange];
    exchange.head(200, { "content-type": "text/event-stream" }).data('data: {"text":"he"}\n\n');
    await head;
    expect(await failureOf(routed.routing.invoke())).toMatchObject({ reason: "TARGETS_SATURATED" });
    exchange.data('data: {"finish":"stop"}\n\ndata: [DONE]\n\n').end();
    expect(placesOf(routed.routing)).toEqual([0]);
  });

  it("is given back by callers who leave, by failures and by retries", async () => {
    const policy = { retries: quickRetries(1) };
    const routed = route({ targets: alone, policy }, hangs, refuses(503), refuses(503), refuses(400), answers());
    const first = await occupy(routed);
    first.leave();
    await first.over;
    await time.passUntil(failureOf(routed.routing.invoke()));
    await time.passUntil(failureOf(routed.routing.invoke()));
    expect(placesOf(routed.routing)).toEqual([0]);
    expect(inShort((await routed.routing.invoke()).trail)).toEqual(["1 fake/one 200 SERVED"]);
  });

  it("is needed in the limit of the endpoint and in that of the model", async () => {
    const modelPolicy = { maxConcurrency: 1 };
    const transport = new FakeTransport(hangs, answers());
    const endpoints = ["chat", "other"].map((name) => ({
      name,
      targets: [{ model: "one", modelPolicy }],
      policy: { maxConcurrency: 5 },
    }));
    const routing = new TestRouting({ transport, endpoints });
    const leaving = new AbortController();
    const first = failureOf(routing.invoke({ signal: leaving.signal }, "other"));
    await expect.poll(() => transport.exchanges.length).toBe(1);
    expect(await failureOf(routing.invoke())).toMatchObject({ reason: "TARGETS_SATURATED" });
    leaving.abort();
    expect(await first).toMatchObject({ code: "CANCELLED" });
    expect(inShort((await routing.invoke()).trail)).toEqual(["1 fake/one 200 SERVED"]);
  });
});
