import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configV1 } from "#contracts";
import { createGrpcChannel, createGrpcClient, type GrpcChannel, type Service } from "#rpc";
import { type ScriptedUpstream, startScriptedUpstream } from "../harness/scripted-upstream.ts";
import { ServiceProcess } from "./service-process.ts";
import { testKeys, toTestConfig } from "./test-config.ts";

let folder: string;
let upstream: ScriptedUpstream;
let spillway: ServiceProcess;
let origin: string;
let channel: GrpcChannel;
let config: Service<configV1.ConfigServiceDefinition>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "spillway-embedded-"));
  upstream = await startScriptedUpstream();
  writeFileSync(join(folder, "spillway.yaml"), toTestConfig({ first: upstream, second: upstream }));
  spillway = new ServiceProcess("all-in-one", ["--config", join(folder, "spillway.yaml")], {
    SPILLWAY_DATA_DIR: join(folder, "data"),
    SPILLWAY_HTTP_PORT: "0",
    SPILLWAY_GRPC_PORT: "0",
    SPILLWAY_CONFIG_GRPC_PORT: "0",
  });
  const ready = await spillway.findLine((line) => (line.event === "ready" ? line : undefined));
  origin = `http://${ready.http}`;
  channel = createGrpcChannel({ address: String(ready.configGrpc) });
  config = createGrpcClient(configV1.ConfigServiceDefinition, channel);
});

afterAll(async () => {
  channel?.close();
  await spillway?.stop();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(endpoint = "chat"): Promise<number> {
  const answer = await fetch(`${origin}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${testKeys.all}` },
    body: JSON.stringify({ model: endpoint, messages: [{ role: "user", content: "Does it come back?" }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

/** Calls without a pause until told to stop; gives the statuses of all answers. */
function callAllTheTime(): () => Promise<Set<number>> {
  const statuses = new Set<number>();
  let isStopped = false;
  const calling = (async () => {
    while (!isStopped) {
      statuses.add(await call());
      await setTimeout(5);
    }
  })();
  return async () => {
    isStopped = true;
    await calling;
    return statuses;
  };
}

async function readReadiness(): Promise<Record<string, unknown>> {
  const answer = await fetch(`${origin}/readyz`);
  return { httpStatus: answer.status, ...((await answer.json()) as Record<string, unknown>) };
}

function killServer(): void {
  const [pid] = readFileSync(join(folder, "data", "cluster", "postmaster.pid"), "utf8").split("\n");
  process.kill(Number(pid), "SIGKILL");
}

async function copyEndpoint(name: string): Promise<void> {
  const { endpoints } = await config.listEndpoints(configV1.ListEndpointsRequest.fromPartial({}));
  const [mapping] = endpoints.find((endpoint) => endpoint.name === "chat")?.modelMappings ?? [];
  const modelMappings = [
    {
      modelDefinitionId: mapping?.modelDefinitionId ?? "",
      weight: 1,
      linkageType: configV1.GatewayModelLinkageType.PRIMARY,
    },
  ];
  await config.createEndpoint({
    endpoint: configV1.GatewayEndpoint.fromPartial({ name, modelMappings }),
    requestId: "",
  });
}

function countLines(event: string): number {
  return spillway.output.split(`"event":"${event}"`).length - 1;
}

test("the all-in-one goes on while its Postgres is dead and cannot start, says so, and takes writes when it is back", async () => {
  const stopCalling = callAllTheTime();
  const version = join(folder, "data", "cluster", "PG_VERSION");
  renameSync(version, `${version}.aside`);
  killServer();
  await expect
    .poll(readReadiness, { timeout: 15_000, interval: 20 })
    .toMatchObject({ httpStatus: 200, status: "ready", stale: true, stale_reason: expect.stringMatching(/database/) });
  await expect(copyEndpoint("made-too-early")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await spillway.findLine((line) => (String(line.reason).includes("PG_VERSION") ? line : undefined));
  renameSync(`${version}.aside`, version);
  await expect.poll(readReadiness, { timeout: 15_000, interval: 20 }).toMatchObject({ httpStatus: 200, stale: false });
  await copyEndpoint("made-afterwards");
  await expect.poll(() => call("made-afterwards"), { interval: 20 }).toBe(200);
  expect(await stopCalling()).toEqual(new Set([200]));
  expect([countLines("database_crashed"), countLines("database_back")]).toEqual([1, 1]);
});

test("a Postgres that is killed again is back at once, and the file is in force as before", async () => {
  const stopCalling = callAllTheTime();
  const before = countLines("database_back");
  killServer();
  await expect.poll(() => countLines("database_back"), { timeout: 15_000, interval: 20 }).toBe(before + 1);
  await expect.poll(() => copyEndpoint("made-last").then(() => "", String), { timeout: 15_000, interval: 50 }).toBe("");
  await expect.poll(() => call("made-last"), { interval: 20 }).toBe(200);
  await expect
    .poll(readReadiness, { timeout: 15_000, interval: 20 })
    .toMatchObject({ httpStatus: 200, stale: false, file: { source: "file:spillway" } });
  expect(await stopCalling()).toEqual(new Set([200]));
  await spillway.stop();
  expect(countLines("stopped")).toBe(1);
});
