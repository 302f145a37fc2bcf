import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { errorStep, healthyStep, type ScriptedUpstream, startScriptedUpstream } from "../harness/scripted-upstream.ts";
import { testKeys, testTargets, toTestConfig } from "./test-config.ts";
import { Topology, topologyKinds } from "./topology.ts";

const adminToken = "admin-token-of-the-tests";
const program = fileURLToPath(new URL("../../packages/cli/spillway.mjs", import.meta.url));

describe.each(topologyKinds)("operating Spillway as %s", (kind) => {
  let first: ScriptedUpstream;
  let second: ScriptedUpstream;
  let spillway: Topology;

  beforeAll(async () => {
    first = await startScriptedUpstream();
    second = await startScriptedUpstream();
    spillway = await Topology.start(kind, {
      config: toTestConfig({ first, second }),
      environment: { SPILLWAY_ADMIN_TOKEN: adminToken },
    });
  });

  afterAll(async () => {
    await spillway?.stop();
    await first?.close();
    await second?.close();
  });

  beforeEach(() => {
    first.otherwise(healthyStep);
    second.otherwise(healthyStep);
  });

  /** Runs the program as a user would. */
  async function run(parameters: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [program, ...parameters], {
      env: { SPILLWAY_ROUTING_ADDRESS: spillway.inferenceAddress, SPILLWAY_ADMIN_TOKEN: adminToken, ...environment },
    });
    const code = new Promise<number | null>((resolve) => child.on("close", resolve));
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, output, errors };
  }

  async function call(endpoint = "chat"): Promise<Response> {
    const answer = await fetch(`${spillway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${testKeys.all}` },
      body: JSON.stringify({ model: endpoint, messages: [{ role: "user", content: "hello" }] }),
    });
    await answer.arrayBuffer();
    return answer;
  }

  /** Where a process serves what is for operators. */
  function operatorsUrl(process: string): string {
    if (kind === "all-in-one" || process === "edge") {
      return spillway.origin;
    }
    const log =
      spillway
        .readOutput()
        .split("--- ")
        .find((part) => part.startsWith(`${process}\n`)) ?? "";
    return `http://${/"admin":"([^"]+)"/.exec(log)?.[1]}`;
  }

  async function readMetrics(process: string, token: string | undefined = adminToken): Promise<Response> {
    return fetch(`${operatorsUrl(process)}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  }

  test("explain tells the chain of an endpoint", async () => {
    const { code, output, errors } = await run(["explain", "chat"]);
    expect(errors).toBe("");
    expect(code).toBe(0);
    expect(output).toMatch(new RegExp(`1 +${testTargets.first} +primary +100.0 %`));
    expect(output).toMatch(new RegExp(`2 +${testTargets.second} +fallback`));
  });

  test("explain finds routing by a name that may stand for several addresses", async () => {
    const [, port] = /:(\d+)$/.exec(spillway.inferenceAddress) ?? [];
    const { code, errors } = await run(["explain", "chat"], { SPILLWAY_ROUTING_ADDRESS: `dns:///localhost:${port}` });
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
  });

  test("a target is drained and enabled by its name", async () => {
    const drained = await run(["drain", testTargets.first]);
    expect(drained).toMatchObject({ code: 0, errors: "" });
    expect((await call()).headers.get("x-spillway-trail")).toMatch(
      new RegExp(`^1 ${testTargets.second} fallback SERVED`),
    );
    const { targets } = JSON.parse((await run(["targets", "--json"])).output);
    expect(targets.map((target: { model: string; state: string }) => [target.model, target.state]).sort()).toEqual([
      ["first-model", "drained"],
      ["second-model", "enabled"],
    ]);
    const { target_id: id } = targets.find((target: { model: string }) => target.model === "first-model");
    expect((await run(["enable", id])).code).toBe(0);
    expect((await call()).headers.get("x-spillway-target")).toBe(testTargets.first);
  });

  test("the commands need the admin token", async () => {
    for (const parameters of [["targets"], ["drain", testTargets.first], ["explain", "chat"]]) {
      const { code, errors } = await run(parameters, { SPILLWAY_ADMIN_TOKEN: "another" });
      expect(code).toBe(1);
      expect(errors).toContain("(UNAUTHENTICATED)");
    }
    expect((await call()).headers.get("x-spillway-target")).toBe(testTargets.first);
  });

  test("the metrics of each process tell what it did", async () => {
    first.next(errorStep(500));
    await call();
    const routing = await (await readMetrics("routing")).text();
    const fallback = `spillway_fallback_from="${testTargets.first}",spillway_fallback_to="${testTargets.second}"`;
    expect(routing).toContain(
      `spillway_fallbacks_total{${fallback},spillway_attempt_failure_class="PROVIDER_ERROR"} 1`,
    );
    expect(routing).toMatch(/\nspillway_request_duration_seconds_count{spillway_endpoint_name="chat",.*} [1-9]/);
    expect(routing).toMatch(/\nspillway_config_revision [1-9]/);
    expect(routing).toMatch(/\nspillway_target_state{.*spillway_target_state="available"} 1\n/);
    const edge = await (await readMetrics("edge")).text();
    expect(edge).toMatch(/\nhttp_server_request_duration_seconds_count{.*http_route="\/v1\/chat\/completions"} [1-9]/);
    for (const process of ["routing", "edge", "config"]) {
      const answer = await readMetrics(process);
      expect(answer.headers.get("content-type")).toContain("version=0.0.4");
      expect(await answer.text()).toMatch(/\nprocess_resident_memory_bytes \d+\n/);
    }
  });

  test("metrics that name endpoints are not for callers", async () => {
    const answer = await fetch(`${spillway.origin}/metrics`);
    const body = await answer.text();
    expect(answer.status).toBe(kind === "all-in-one" ? 401 : 200);
    expect(body).not.toContain('chat"');
    expect(body).not.toContain("first-model");
  });
});
