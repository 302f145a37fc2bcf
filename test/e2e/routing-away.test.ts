import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OtlpReceiver, startOtlpReceiver } from "../harness/otlp-receiver.ts";
import { type ScriptedUpstream, startScriptedUpstream } from "../harness/scripted-upstream.ts";
import { testKeys, toTestConfig } from "./test-config.ts";
import { Topology } from "./topology.ts";

describe("an edge whose routing service is another process", () => {
  let first: ScriptedUpstream;
  let second: ScriptedUpstream;
  let receiver: OtlpReceiver;
  let spillway: Topology;

  beforeAll(async () => {
    first = await startScriptedUpstream();
    second = await startScriptedUpstream();
    receiver = await startOtlpReceiver();
    spillway = await Topology.start("three processes", {
      config: toTestConfig({ first, second }),
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: "50" },
    });
  });

  afterAll(async () => {
    await spillway?.stop();
    await receiver?.close();
    await first?.close();
    await second?.close();
  });

  function signalRouting(signal: NodeJS.Signals): void {
    process.kill(spillway.processIds.get("routing") as number, signal);
  }

  function call(headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(`${spillway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${testKeys.all}`, ...headers },
      body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Does it come back?" }] }),
    });
  }

  test("makes no trace of readiness checks", async () => {
    for (let check = 0; check < 3; check += 1) {
      expect((await spillway.readReadiness()).httpStatus).toBe(200);
    }
    const answer = await call();
    const [, traceId] = answer.headers.get("traceresponse")?.split("-") ?? [];
    await receiver.waitForSpans((spans) => spans.some((span) => span.traceId === traceId && span.name === "chat chat"));
    expect(receiver.spans.filter(({ name }) => name.includes("GetConfigStatus"))).toEqual([]);
  });

  test("keeps a caller's deadline when routing stands still", async () => {
    expect((await call()).status).toBe(200);
    signalRouting("SIGSTOP");
    const startedAtMs = performance.now();
    const answer = await call({ "x-spillway-deadline-ms": "1000" }).finally(() => signalRouting("SIGCONT"));
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ error: { code: "deadline_exceeded", type: "server_error" } });
  });

  test("tells callers that routing is away and its own log where and why, once", async () => {
    await spillway.killService("routing");
    for (let made = 0; made < 3; made += 1) {
      const answer = await call();
      expect(answer.status).toBe(503);
      const body = await answer.text();
      expect(JSON.parse(body)).toMatchObject({
        error: { message: "The routing service cannot be reached.", code: "unavailable" },
      });
      expect(body).not.toContain("127.0.0.1");
    }
    const readiness = await spillway.readReadiness();
    expect(readiness).toEqual({
      httpStatus: 503,
      status: "not_ready",
      reason: "the routing service cannot be reached",
    });
    await spillway.startRoutingAgain();
    await expect.poll(async () => (await call()).status, { timeout: 15_000, interval: 50 }).toBe(200);
    const told = () =>
      spillway
        .readOutput()
        .split("\n")
        .filter((line) => line.includes("the routing service cannot be reached; requests are refused"));
    await expect.poll(() => told().length).toBe(1);
    expect(told()[0]).toContain(spillway.inferenceAddress);
  });
});
