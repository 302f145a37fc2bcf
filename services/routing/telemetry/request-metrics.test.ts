import { afterEach, describe, expect, it } from "vitest";
import { type CollectedMetric, MetricRegistry } from "#runtime";
import {
  chatStream,
  errorStep,
  type ScriptedUpstream,
  startScriptedUpstream,
} from "../../../test/harness/scripted-upstream.ts";
import type { EndpointSketch } from "../testing/config-messages.ts";
import { WatchedRouting } from "../testing/start-watched-routing.ts";

const provider = "openai-compatible";
const breaker = { failureRatio: 0.5, minRequests: 1, windowMs: 10_000, openForMs: 60_000, halfOpenProbes: 1 };

let upstream: ScriptedUpstream;
let routing: WatchedRouting;
let registry: MetricRegistry;

async function start(endpoints: (at: typeof target) => EndpointSketch[]) {
  upstream = await startScriptedUpstream();
  registry = new MetricRegistry();
  routing = await WatchedRouting.start({ metrics: registry });
  await routing.put(endpoints(target));
}

afterEach(async () => {
  await routing[Symbol.asyncDispose]();
  await upstream.close();
});

const target = (model: string) => ({ model, provider, baseUrl: upstream.baseUrl });
const chat = (at: typeof target): EndpointSketch[] => [
  {
    name: "chat",
    policy: { breaker, retries: { max: 0, initialBackoffMs: 1, maxBackoffMs: 1 } },
    targets: [at("a"), { ...at("b"), fallback: 1 }],
  },
];

const find = (name: string) => registry.collect().find((metric) => metric.name === name);
/** The series of a metric by their labels but the target's id: count of a histogram, value of others. */
function seriesOf(name: string): Record<string, number> {
  const metric: CollectedMetric | undefined = find(name);
  const entries = (metric?.points ?? []).map((point): [string, number] => [
    Object.entries(point.labels)
      .filter(([label]) => label !== "spillway.target.id" && label !== "gen_ai.operation.name")
      .map(([, value]) => value)
      .join(" "),
    "value" in point ? point.value : point.count,
  ]);
  return Object.fromEntries(entries);
}
const sumOf = (name: string) =>
  (find(name)?.points ?? []).reduce((total, point) => total + ("sum" in point ? point.sum : 0), 0);

describe("the metrics of requests", () => {
  it("count a fallback: both attempts, one request, the move and its class", async () => {
    await start(chat);
    upstream.next(errorStep(500));
    await routing.invoke();
    expect(seriesOf("gen_ai.client.operation.duration")).toEqual({
      [`${provider} a PROVIDER_ERROR`]: 1,
      [`${provider} b`]: 1,
    });
    expect(seriesOf("gen_ai.client.token.usage")).toMatchObject({
      [`${provider} b input`]: 1,
      [`${provider} b output`]: 1,
    });
    expect(sumOf("gen_ai.client.token.usage")).toBe(12);
    expect(seriesOf("spillway.request.duration")).toEqual({ "chat served": 1 });
    expect(sumOf("spillway.request.attempts")).toBe(2);
    expect(seriesOf("spillway.fallbacks")).toEqual({ [`${provider}/a ${provider}/b PROVIDER_ERROR`]: 1 });
  });

  it("tell overhead as what is left of the duration without the provider's part", async () => {
    await start(chat);
    upstream.next({ ...chatStream(), status: 200, headDelayMs: 150, body: ["{}"], headers: {} });
    await routing.invoke();
    const ofRequest = sumOf("spillway.request.duration");
    const ofAttempts = sumOf("gen_ai.client.operation.duration");
    expect(ofAttempts).toBeGreaterThan(0.14);
    expect(sumOf("spillway.overhead.duration")).toBeCloseTo(ofRequest - ofAttempts, 9);
  });

  it("count the expressions that could not be evaluated", async () => {
    await start((at) => [
      {
        name: "chat",
        targets: [at("a")],
        rules: [{ name: "vip", when: 'request.headers["x-tier"] == "vip"', use: ["a"] }],
      },
    ]);
    await routing.invoke();
    expect(seriesOf("spillway.expression.failures")).toEqual({ chat: 1 });
  });

  it("time a stream's first output", async () => {
    await start(chat);
    upstream.next({ ...chatStream(), headDelayMs: 40 });
    for await (const _event of routing.stream()) {
    }
    expect(seriesOf("gen_ai.client.operation.time_to_first_chunk")).toEqual({ [`${provider} a`]: 1 });
    expect(sumOf("gen_ai.client.operation.time_to_first_chunk")).toBeGreaterThan(0.035);
  });

  it("count a request that nothing served", async () => {
    await start(chat);
    upstream.otherwise(errorStep(400));
    await routing.invoke().catch(() => undefined);
    expect(seriesOf("spillway.request.duration")).toEqual({ "chat failed": 1 });
    expect(seriesOf("spillway.fallbacks")).toEqual({});
  });

  it("count every change of a target's health, and tell the state of each target", async () => {
    await start(chat);
    upstream.next(errorStep(500));
    await routing.invoke();
    expect(seriesOf("spillway.target.changes")).toEqual({ [`${provider} a breaker_closed breaker_open`]: 1 });
    expect(seriesOf("spillway.target.state")).toEqual({
      [`${provider} a breaker_open`]: 1,
      [`${provider} b available`]: 1,
    });
    const [drained] = (await routing.targets()).filter(({ model }) => model === "b");
    await routing.service.routing.setTargetState({ targetId: drained?.targetId ?? "", state: 2 });
    expect(seriesOf("spillway.target.changes")).toMatchObject({ [`${provider} b enabled drained`]: 1 });
    expect(seriesOf("spillway.target.state")).toHaveProperty([`${provider} b drained`], 1);
  });

  it("tell the configuration in force", async () => {
    await start(chat);
    expect(seriesOf("spillway.config.revision")).toEqual({ "": 1 });
    expect(seriesOf("spillway.ready")).toEqual({ "": 1 });
    expect(seriesOf("spillway.config.age")[""]).toBeLessThan(10);
  });
});

describe("the series of the metrics", () => {
  it("do not grow with what callers and providers say", async () => {
    await start(chat);
    const names = ["gen_ai", "spillway"];
    const count = () =>
      registry
        .collect()
        .filter(({ name }) => names.some((prefix) => name.startsWith(prefix)))
        .reduce((total, { points }) => total + points.length, 0);
    const answer = (index: number) => ({
      status: 200,
      headers: { "content-type": "application/json", "x-request-id": `r-${index}` },
      body: [JSON.stringify({ model: `model-${index}`, choices: [{ message: {}, finish_reason: `why-${index}` }] })],
    });
    upstream.next(answer(0));
    await routing.invoke();
    const after1 = count();
    for (let index = 1; index <= 50; index++) {
      upstream.next(answer(index));
      await routing.invoke("chat", { user: `u-${index}`, metadata: { team: `t-${index}` } });
      await routing.invoke(`unknown-${index}`).catch(() => undefined);
    }
    expect(sumOf("spillway.request.attempts")).toBe(51);
    expect(count()).toBe(after1);
  });

  it("go with the endpoints and targets that they are of", async () => {
    await start(chat);
    upstream.next(errorStep(500));
    await routing.invoke();
    await routing.put([{ name: "other", targets: [target("b")] }]);
    await routing.invoke("other");
    expect(seriesOf("gen_ai.client.operation.duration")).toEqual({ [`${provider} b`]: 2 });
    expect(seriesOf("spillway.request.duration")).toEqual({ "other served": 1 });
    expect(seriesOf("spillway.fallbacks")).toEqual({});
    expect(seriesOf("spillway.target.changes")).toEqual({});
  });
});
