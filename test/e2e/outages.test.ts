import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { healthyStep, type ScriptedUpstream, startScriptedUpstream } from "../harness/scripted-upstream.ts";
import { testKeys, toTestConfig } from "./test-config.ts";
import { Topology, topologyKinds } from "./topology.ts";

const messages = [{ role: "user" as const, content: "Does it come back?" }];

let first: ScriptedUpstream;
let second: ScriptedUpstream;

beforeAll(async () => {
  first = await startScriptedUpstream();
  second = await startScriptedUpstream();
});

afterAll(async () => {
  await first?.close();
  await second?.close();
});

function call(spillway: Topology): Promise<Response> {
  return fetch(`${spillway.origin}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${testKeys.all}` },
    body: JSON.stringify({ model: "chat", messages }),
  });
}

describe.each(topologyKinds)("Spillway as %s", (kind) => {
  test("serves while Postgres is away, says that it is stale, and recovers", async () => {
    await using spillway = await Topology.start(kind, { config: toTestConfig({ first, second }) });
    expect(await spillway.readReadiness()).toMatchObject({ httpStatus: 200, stale: false });
    spillway.database.cut();
    expect((await call(spillway)).status).toBe(200);
    await expect
      .poll(() => spillway.readReadiness(), { timeout: 15_000, interval: 50 })
      .toMatchObject({ httpStatus: 200, stale: true, stale_reason: expect.stringMatching(/./) });
    expect((await call(spillway)).status).toBe(200);
    spillway.database.mend();
    await expect
      .poll(() => spillway.readReadiness(), { timeout: 15_000, interval: 50 })
      .toMatchObject({ httpStatus: 200, stale: false });
  });

  test("lets a request finish when it is told to end, and takes no other", async () => {
    await using spillway = await Topology.start(kind, { config: toTestConfig({ first, second }) });
    const before = first.requests.length;
    first.next((request) => ({ ...healthyStep(request), headDelayMs: 500 }));
    const answer = call(spillway);
    await first.until((requests) => requests.length > before);
    const stopped = spillway.stopEdge();
    expect((await answer).status).toBe(200);
    await stopped;
    await expect(call(spillway)).rejects.toThrow();
  });
});

describe("Spillway as three processes", () => {
  test("serves without the config service, also from a routing service that was started meanwhile", async () => {
    await using spillway = await Topology.start("three processes", { config: toTestConfig({ first, second }) });
    await spillway.killService("config");
    expect((await call(spillway)).status).toBe(200);
    await expect
      .poll(() => spillway.readReadiness(), { timeout: 15_000, interval: 50 })
      .toMatchObject({ httpStatus: 200, stale: true });

    await spillway.killService("routing");
    const refused = await call(spillway);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("content-type")).toContain("json");
    expect(await refused.json()).toHaveProperty("error");

    await spillway.startRoutingAgain();
    await expect.poll(async () => (await call(spillway)).status, { timeout: 15_000, interval: 50 }).toBe(200);
    expect(await spillway.readReadiness()).toMatchObject({ httpStatus: 200, stale: true });
    const wrongKey = await fetch(`${spillway.origin}/v1/models`, { headers: { authorization: "Bearer sk-wrong" } });
    expect(wrongKey.status).toBe(401);
  });
});
