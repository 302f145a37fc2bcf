import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { BenchChild } from "./bench-child.ts";

/** The key that the load shows. */
export const benchKey = "sk-bench-0123456789abcdefghijklmnop";

/** The all-in-one under load. */
export interface BenchGateway {
  readonly child: BenchChild;
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts the all-in-one as it is used: an API key, a split between two targets, a fallback, and tracing of one request in a
 * hundred to a receiver that takes everything. `profileFolder`: where Node writes a CPU profile of it.
 */
export async function startGateway(upstreamPort: number, profileFolder?: string): Promise<BenchGateway> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-bench-"));
  const config = join(folder, "bench.yaml");
  writeFileSync(config, toConfig(upstreamPort));
  const child = new BenchChild({
    command: ["services/all-in-one/main.ts", "--config", config],
    nodeOptions: profileFolder === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profileFolder],
    environment: {
      SPILLWAY_DATA_DIR: join(folder, "data"),
      SPILLWAY_HTTP_PORT: "0",
      SPILLWAY_GRPC_PORT: "0",
      SPILLWAY_CONFIG_GRPC_PORT: "0",
      SPILLWAY_ALLOW_PRIVATE_UPSTREAMS: "true",
      SPILLWAY_DRAIN_MS: "500",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${upstreamPort}`,
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.01",
    },
  });
  const stop = async () => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const address = await child.findInOutput(/"event":"listening".*?"http":"([^"]+)"/);
    await untilReady(`http://${address}/readyz`);
    return { child, port: Number(new URL(`http://${address}`).port), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilReady(url: string): Promise<void> {
  const deadlineMs = Date.now() + 60_000;
  while (!(await fetch(url)).ok) {
    if (Date.now() > deadlineMs) {
      throw new Error("the gateway is not ready after 60 s");
    }
    await setTimeout(50);
  }
}

function toConfig(upstreamPort: number): string {
  const baseUrl = `http://127.0.0.1:${upstreamPort}/v1`;
  return `version: 1
secrets:
  - { name: bench, provider: openai-compatible, value: { api_key: sk-upstream } }
models:
  - { name: one, provider: openai-compatible, model: bench-model-one, secret: bench, base_url: "${baseUrl}" }
  - { name: two, provider: openai-compatible, model: bench-model-two, secret: bench, base_url: "${baseUrl}" }
endpoints:
  - name: chat
    routing_strategy: REQUEST_BASED_TRAFFIC_SPLIT
    primary: [{ model: one, weight: 0.5 }, { model: two, weight: 0.5 }]
    fallback: [{ model: two }]
    fallback_config: { strategy: SEQUENTIAL, max_attempts: 1 }
keys:
  - { name: bench, value: ${benchKey} }
`;
}
