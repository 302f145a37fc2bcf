import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { routingV1 } from "#contracts";
import type { Exchange } from "#providers";
import { errorStep, type ScriptedUpstream, startScriptedUpstream } from "../../../test/harness/scripted-upstream.ts";
import type { EndpointSketch } from "../testing/config-messages.ts";
import { WatchedRouting } from "../testing/start-watched-routing.ts";
import { inShort } from "../testing/test-routing.ts";
import { TargetProber } from "./target-prober.ts";

const { ProbeState, TargetAvailability } = routingV1;
const provider = "openai-compatible";
// The interval is the time-out too: a busy machine must answer within it.
const probe = { path: "/health?deep=1", intervalMs: 200 };

let upstream: ScriptedUpstream;
let other: ScriptedUpstream;
let routing: WatchedRouting;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  other = await startScriptedUpstream();
  routing = await WatchedRouting.start();
});

afterEach(async () => {
  await routing[Symbol.asyncDispose]();
  await upstream.close();
  await other.close();
});

function probed(of: { readonly intervalMs?: number; readonly path?: string } = {}): EndpointSketch {
  return {
    targets: [
      { model: "a", provider, baseUrl: upstream.baseUrl, probe: { ...probe, ...of } },
      { model: "b", provider, baseUrl: other.baseUrl, fallback: 1 },
    ],
  };
}

const probesOf = (seen: ScriptedUpstream) => seen.requests.filter(({ method }) => method === "GET");
const findTarget = async () => (await routing.targets()).find(({ model }) => model === "a");
const untilAvailability = (availability: routingV1.TargetAvailability) =>
  expect.poll(async () => (await findTarget())?.availability).toBe(availability);
const trail = async () => inShort((await routing.invoke()).trail);

describe("an active health check", () => {
  it("asks the path on the origin of the base URL, again and again, without any credential", async () => {
    await routing.put([probed()]);
    await upstream.until(() => probesOf(upstream).length >= 3);
    for (const { path, headers, body } of probesOf(upstream)) {
      expect(path).toBe("/health?deep=1");
      expect(Object.keys(headers).sort()).toEqual(["accept", "connection", "host"]);
      expect(body).toHaveLength(0);
    }
    expect(await findTarget()).toMatchObject({
      availability: TargetAvailability.AVAILABLE,
      probe: { state: ProbeState.PASSING, path: probe.path, intervalMs: 200, failure: "" },
    });
    expect(new Set(probesOf(upstream).map(({ connection }) => connection)).size).toBe(1);
    expect(other.requests).toEqual([]);
  });

  it("that fails puts the target behind the others until it passes", async () => {
    upstream.otherwise(({ method }) => (method === "GET" ? errorStep(503) : {}));
    await routing.put([probed()]);
    await untilAvailability(TargetAvailability.PROBE_FAILED);
    expect(await findTarget()).toMatchObject({
      reason: "the health check failed: HTTP 503",
      probe: { state: ProbeState.FAILING, failure: "HTTP 503" },
    });
    expect(await trail()).toEqual([`1 ${provider}/b 200 SERVED`]);
    upstream.otherwise({ status: 204 });
    await untilAvailability(TargetAvailability.AVAILABLE);
  });

  it.each([
    ["a hanging answer", { hang: "before_head" as const }, /^no answer within 200 ms$/],
    ["a reset", { drop: "reset" as const }, /^reset$/],
    ["a redirect", { status: 302, headers: { location: "http://elsewhere/" } }, /^HTTP 302$/],
  ])("fails at %s", async (_name, step, failure) => {
    upstream.otherwise(step);
    await routing.put([probed()]);
    await untilAvailability(TargetAvailability.PROBE_FAILED);
    expect((await findTarget())?.probe?.failure).toMatch(failure);
  });

  it("fails where nobody listens, and passes again when somebody does", async () => {
    const { port } = upstream;
    await upstream.close();
    await routing.put([probed()]);
    await untilAvailability(TargetAvailability.PROBE_FAILED);
    expect((await findTarget())?.probe?.failure).toBe("refused");
    upstream = await startScriptedUpstream({ port });
    await untilAvailability(TargetAvailability.AVAILABLE);
  });

  it("passes with a body that never ends, and reads no more of it than it must", async () => {
    upstream.otherwise({ repeat: { piece: Buffer.alloc(16_384), everyMs: 0 } });
    await routing.put([probed()]);
    await expect.poll(async () => (await findTarget())?.probe?.state).toBe(ProbeState.PASSING);
    await upstream.until(([first]) => first?.abortedAtMs !== undefined);
    expect(upstream.requests[0]?.writtenBytes).toBeLessThan(20_000_000);
  });

  it("never overlaps the one before it, even when that is never answered", async () => {
    let made = 0;
    let underWay = 0;
    let most = 0;
    const start = (): Exchange => {
      made += 1;
      underWay += 1;
      most = Math.max(most, underWay);
      const abort = () => {
        underWay -= 1;
      };
      return { abort, pause() {}, resume() {} };
    };
    const host = { transport: { start, close: () => Promise.resolve() }, random: () => 0.5 };
    const plan = { origin: upstream.origin, path: "/", intervalMs: 10 };
    const prober = new TargetProber(host, plan, () => undefined);
    await expect.poll(() => made).toBeGreaterThanOrEqual(5);
    prober.close();
    expect(most).toBe(1);
  });

  it("is one for all endpoints that call the target", async () => {
    await routing.put([probed({ intervalMs: 60_000 }), { ...probed({ intervalMs: 60_000 }), name: "second" }]);
    expect((await routing.targets()).filter((one) => one.probe !== undefined)).toHaveLength(1);
  });

  it("goes on undisturbed through a revision that does not change it", async () => {
    upstream.otherwise(errorStep(500));
    await routing.put([probed()]);
    await untilAvailability(TargetAvailability.PROBE_FAILED);
    await routing.put([probed(), { name: "more", targets: [{ model: "c", provider: "echo" }] }]);
    expect((await findTarget())?.probe?.failure).toBe("HTTP 500");
  });

  it("changes with the configuration", async () => {
    await routing.put([probed()]);
    await upstream.until(() => probesOf(upstream).length >= 1);
    await routing.put([probed({ path: "/ready" })]);
    await upstream.until(() => probesOf(upstream).filter(({ path }) => path === "/ready").length >= 2);
    const paths = probesOf(upstream).map(({ path }) => path);
    expect(paths.lastIndexOf(probe.path)).toBeLessThan(paths.indexOf("/ready"));
  });

  it("ends with its target or its probe, and takes back what it held against the target", async () => {
    upstream.otherwise(errorStep(500));
    await routing.put([probed()]);
    await untilAvailability(TargetAvailability.PROBE_FAILED);
    const [first, second] = probed().targets;
    await routing.put([{ targets: [{ ...first, model: "a", probe: undefined } as never, second as never] }]);
    expect(await findTarget()).toMatchObject({ availability: TargetAvailability.AVAILABLE, probe: undefined });
    const made = probesOf(upstream).length;
    await routing.put([{ targets: [{ model: "b", provider, baseUrl: other.baseUrl, probe }] }]);
    await other.until(() => probesOf(other).length >= 3);
    expect(probesOf(upstream)).toHaveLength(made);
  });

  it("is not made where there is no base URL", async () => {
    await routing.put([{ targets: [{ model: "gpt", provider: "openai", probe }] }]);
    expect((await routing.targets())[0]).toMatchObject({ probe: undefined });
  });
});
