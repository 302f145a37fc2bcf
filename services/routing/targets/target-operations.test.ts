import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { routingV1 } from "#contracts";
import { errorStep, type ScriptedUpstream, startScriptedUpstream } from "../../../test/harness/scripted-upstream.ts";
import type { EndpointSketch } from "../testing/config-messages.ts";
import { WatchedRouting } from "../testing/start-watched-routing.ts";
import { inShort } from "../testing/test-routing.ts";

const { BreakerState, TargetAvailability, TargetState } = routingV1;
const breaker = { failureRatio: 0.5, minRequests: 2, windowMs: 10_000, openForMs: 60_000, halfOpenProbes: 1 };
const provider = "openai-compatible";

let upstream: ScriptedUpstream;
let routing: WatchedRouting;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  routing = await WatchedRouting.start();
});

afterEach(async () => {
  await routing[Symbol.asyncDispose]();
  await upstream.close();
});

const target = (model: string) => ({ model, provider, baseUrl: `${upstream.baseUrl}?key=s3cret` });
const pair = (name = "chat"): EndpointSketch => ({
  name,
  policy: { breaker, retries: { max: 0, initialBackoffMs: 1, maxBackoffMs: 1 } },
  targets: [target("a"), { ...target("b"), fallback: 1 }],
});
const setState = (targetId: string, state: routingV1.TargetState) =>
  routing.service.routing.setTargetState({ targetId, state });
const findTarget = async (model: string) => (await routing.targets()).find((one) => one.model === model);
const trailOf = async (endpoint = "chat") => inShort((await routing.invoke(endpoint)).trail);

describe("ListTargetHealth", () => {
  it("tells of each target once, with all endpoints that use it", async () => {
    await routing.put([pair("one"), pair("two"), { name: "echo", targets: [{ model: "c", provider: "echo" }] }]);
    const targets = await routing.targets();
    expect(targets.map(({ model, endpoints }) => [model, endpoints]).sort()).toEqual([
      ["a", ["one", "two"]],
      ["b", ["one", "two"]],
      ["c", ["echo"]],
    ]);
    expect(await findTarget("a")).toEqual({
      targetId: expect.stringMatching(/^t-[0-9a-f]{16}$/),
      provider,
      model: "a",
      baseUrl: upstream.baseUrl,
      endpoints: ["one", "two"],
      state: TargetState.ENABLED,
      availability: TargetAvailability.AVAILABLE,
      reason: "",
      breakerState: BreakerState.CLOSED,
      coolingMs: 0n,
      probe: undefined,
      breakers: [{ state: BreakerState.CLOSED, requests: 0, failures: 0, windowMs: 10_000 }],
      limits: [],
    });
  });

  it("tells outcomes, an open breaker, and for how long a target cools", async () => {
    await routing.put([pair()]);
    const fail = ({ body }: { readonly body: Buffer }) =>
      body.includes('"a"') ? errorStep(500) : errorStep(429, {}, { "retry-after": "30" });
    upstream.otherwise(fail);
    for (let made = 0; made < 2; made++) {
      await routing.invoke().catch(() => undefined);
    }
    expect(await findTarget("a")).toMatchObject({
      availability: TargetAvailability.BREAKER_OPEN,
      reason: "too many calls failed",
      breakerState: BreakerState.OPEN,
      breakers: [{ state: BreakerState.OPEN, requests: 2, failures: 2 }],
    });
    const cooling = await findTarget("b");
    expect(cooling).toMatchObject({ availability: TargetAvailability.COOLING, breakerState: BreakerState.CLOSED });
    expect(Number(cooling?.coolingMs)).toBeGreaterThan(25_000);
    expect(Number(cooling?.coolingMs)).toBeLessThanOrEqual(30_000);
  });

  it("tells what is in flight and what waits where a limit is set", async () => {
    await routing.put([{ policy: { maxConcurrency: 1, maxQueueWaitMs: 5000 }, targets: [target("a")] }]);
    upstream.next({ hang: "before_head" });
    const calls = [routing.invoke(), routing.invoke()].map((call) => call.catch(() => undefined));
    await expect
      .poll(async () => (await findTarget("a"))?.limits)
      .toEqual([{ scope: "endpoint chat", inFlight: 1, maxConcurrency: 1, waiting: 1 }]);
    await upstream.until(({ length }) => length === 1);
    upstream.closeConnections();
    await Promise.all(calls);
  });

  it("comes in pages, and takes no negative size", async () => {
    await routing.put([{ targets: ["a", "b", "c"].map(target) }]);
    const whole = await routing.targets();
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await routing.service.routing.listTargetHealth({ pageSize: 2, pageToken });
      seen.push(...page.targets.map(({ targetId }) => targetId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(whole.map(({ targetId }) => targetId));
    expect(seen).toEqual([...seen].sort());
    const negative = routing.service.routing.listTargetHealth({ pageSize: -1, pageToken: "" });
    await expect(negative).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is empty while there is no configuration", async () => {
    expect(await routing.targets()).toEqual([]);
  });
});

describe("SetTargetState", () => {
  it("drains a target through revisions until it is enabled", async () => {
    await routing.put([pair()]);
    const { targetId = "" } = (await findTarget("a")) ?? {};
    const { target: drained } = await setState(targetId, TargetState.DRAINED);
    expect(drained).toMatchObject({ state: TargetState.DRAINED, availability: TargetAvailability.DRAINED });
    expect(await trailOf()).toEqual([`1 ${provider}/b 200 SERVED`]);
    await routing.put([pair(), pair("more")]);
    expect(await findTarget("a")).toMatchObject({ targetId, state: TargetState.DRAINED, reason: "drained by hand" });
    expect(await trailOf("more")).toEqual([`1 ${provider}/b 200 SERVED`]);
    await setState(targetId, TargetState.ENABLED);
    expect(await trailOf()).toEqual([`1 ${provider}/a 200 SERVED`]);
  });

  it("forgets a target that the configuration no longer has", async () => {
    await routing.put([pair()]);
    const { targetId = "" } = (await findTarget("a")) ?? {};
    await setState(targetId, TargetState.DRAINED);
    await routing.put([{ targets: [target("b")] }]);
    await expect(setState(targetId, TargetState.ENABLED)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await routing.put([pair()]);
    expect(await findTarget("a")).toMatchObject({ targetId, state: TargetState.ENABLED });
  });

  it("takes a target back into service with nothing held against it", async () => {
    await routing.put([pair()]);
    upstream.next(errorStep(500), {}, errorStep(500), {});
    for (let made = 0; made < 2; made++) {
      await routing.invoke().catch(() => undefined);
    }
    const before = await findTarget("a");
    expect(before?.breakerState).toBe(BreakerState.OPEN);
    const { target: after } = await setState(before?.targetId ?? "", TargetState.ENABLED);
    expect(after).toMatchObject({ breakerState: BreakerState.CLOSED, availability: TargetAvailability.AVAILABLE });
    expect(await trailOf()).toEqual([`1 ${provider}/a 200 SERVED`]);
  });

  it("names an id that no target has, and refuses no state at all", async () => {
    await routing.put([pair()]);
    await expect(setState("t-nobody", TargetState.DRAINED)).rejects.toMatchObject({
      code: "NOT_FOUND",
      reason: "RESOURCE_NOT_FOUND",
      message: expect.stringContaining("t-nobody"),
      metadata: { resource_type: "target", resource_name: "t-nobody" },
    });
    await expect(setState("t-nobody", TargetState.UNSPECIFIED)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("the operations on targets", () => {
  it("ask for the admin token where one is set", async () => {
    await using guarded = await WatchedRouting.start({ adminToken: "adm1n" });
    await guarded.put([pair()]);
    const { routing: operations } = guarded.service;
    const all = { pageSize: 0, pageToken: "" };
    await expect(operations.listTargetHealth(all)).rejects.toMatchObject({ reason: "CREDENTIAL_MISSING" });
    const metadata = { authorization: "Bearer adm1n" };
    const { targets } = await operations.listTargetHealth(all, { metadata });
    const drain = { targetId: targets[0]?.targetId ?? "", state: TargetState.DRAINED };
    await expect(operations.setTargetState(drain)).rejects.toMatchObject({ reason: "CREDENTIAL_MISSING" });
    await expect(operations.setTargetState(drain, { metadata })).resolves.toMatchObject({
      target: { state: TargetState.DRAINED },
    });
  });
});
