import { expect, test } from "vitest";
import { routingV1 } from "#contracts";
import { RpcError } from "#rpc";
import { startTestEdge } from "../testing/start-test-edge.ts";

const unset = routingV1.GetConfigStatusResponse.fromPartial({});

async function readReadyz(status: Partial<routingV1.GetConfigStatusResponse>) {
  const edge = await startTestEdge({
    configStatus: async () => ({ ...unset, ...status }),
  });
  const response = await fetch(`${edge.url}/readyz`);
  return { status: response.status, body: await response.json() };
}

test("is 200 when routing is ready", async () => {
  expect(await readReadyz({ ready: true, revision: 4n, ageMs: 12n })).toEqual({
    status: 200,
    body: { status: "ready", revision: 4, stale: false, age_ms: 12 },
  });
});

test("is 503 with the reason when routing is not ready", async () => {
  expect(await readReadyz({ ready: false, notReadyReason: "no configuration yet" })).toMatchObject({
    status: 503,
    body: { status: "not_ready", reason: "no configuration yet" },
  });
});

test("stays 200 on a stale configuration and says why it is stale", async () => {
  expect(await readReadyz({ ready: true, stale: true, staleReason: "config is away", revision: 4n })).toMatchObject({
    status: 200,
    body: { stale: true, stale_reason: "config is away" },
  });
});

test("stays 200 when a newer file could not be taken over, and names the error", async () => {
  const file = { source: "file:spillway", revision: 3n, error: "endpoints[0].model: unknown" };
  expect(await readReadyz({ ready: true, revision: 3n, file })).toMatchObject({
    status: 200,
    body: { file: { source: "file:spillway", revision: 3, error: "endpoints[0].model: unknown" } },
  });
});

test.each([
  ["refuses", () => Promise.reject(new RpcError({ code: "UNAVAILABLE", reason: "INTERNAL", message: "refused" }))],
  ["never answers", () => new Promise<never>(() => undefined)],
])("is 503 when routing %s, and says so once in the log", async (_name, configStatus) => {
  const edge = await startTestEdge({ configStatus, readinessTimeoutMs: 50 });
  for (let poll = 0; poll < 2; poll += 1) {
    const response = await fetch(`${edge.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      reason: expect.stringContaining("routing service cannot be reached"),
    });
  }
  expect(edge.logLines.filter(({ level }) => level === "warn")).toHaveLength(1);
  expect((await fetch(`${edge.url}/healthz`)).status).toBe(200);
});
