import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Topology, type TopologyKind } from "../e2e/topology.ts";
import { chatCompletion, type ScriptedUpstream, startScriptedUpstream } from "../harness/scripted-upstream.ts";
import { callSpillway } from "../scenarios/call-spillway.ts";
import { describeAnswer } from "../scenarios/describe-answer.ts";
import { scenarioKey } from "../scenarios/scenario-config.ts";
import { untilDue } from "./soak-faults.ts";

const openForMs = 500;
const answerMs = 60;
const perSecond = 60;
const windowMs = 500;

/** What happened in one window of time. */
export interface RestartWindow {
  readonly startsAtMs: number;
  readonly isUp: boolean;
  readonly servedByFirst: number;
  readonly servedBySecond: number;
  /** Attempts on the first target that failed. */
  readonly wasted: number;
  readonly failed: number;
  readonly slowestMs: number;
}

/** How a restart went. */
export interface RestartReport {
  readonly windows: readonly RestartWindow[];
  /** Calls that the first target saw, once it was back, before it had answered any. */
  readonly mostProbesAtOnce: number;
  /** What callers of failed requests saw. */
  readonly failures: readonly string[];
}

/** Probes that the breaker of a restart lets through at once. */
export const restartProbes = 2;

/** Kills the first of two targets under load, starts it again, and tells who served meanwhile. */
export async function runRestart(
  kind: TopologyKind,
  phasesMs: { readonly up: number; readonly down: number; readonly again: number },
  databaseServerUrl?: string,
): Promise<RestartReport> {
  let first = await startFirst();
  const { port } = first;
  await using second = await startScriptedUpstream();
  second.otherwise({ ...chatCompletion({ content: "second" }), headDelayMs: answerMs });
  await using spillway = await Topology.start(kind, {
    config: toConfig(first.baseUrl, second.baseUrl),
    databaseServerUrl,
  });
  const load = new RestartLoad(spillway.origin);
  load.start();
  await sleep(phasesMs.up);
  await first.close();
  load.isUp = false;
  await sleep(phasesMs.down);
  first = await startFirst(port);
  load.isUp = true;
  const probes = countProbes(first);
  await sleep(phasesMs.again);
  await load.stop();
  await first.close();
  return { windows: load.windows, failures: load.failures, mostProbesAtOnce: probes() };
}

async function startFirst(port = 0): Promise<ScriptedUpstream> {
  const first = await startScriptedUpstream({ port });
  first.otherwise({ ...chatCompletion({ content: "first" }), headDelayMs: answerMs });
  return first;
}

/** Calls that came before the first of them was answered: while so few are let through, no further one may come. */
function countProbes(upstream: ScriptedUpstream): () => number {
  return () => {
    const [first] = upstream.requests;
    return upstream.requests.filter(({ receivedAtMs }) => receivedAtMs < (first?.receivedAtMs ?? 0) + answerMs).length;
  };
}

type MutableWindow = { -readonly [Name in keyof RestartWindow]: RestartWindow[Name] };

class RestartLoad {
  isUp = true;
  readonly windows: MutableWindow[] = [];
  readonly failures: string[] = [];
  readonly #origin: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #startedAtMs = performance.now();
  #isStopping = false;
  #ended: Promise<void> | undefined;

  constructor(origin: string) {
    this.#origin = origin;
  }

  start(): void {
    this.#ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#ended;
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    const calls: Promise<void>[] = [];
    while (!this.#isStopping) {
      calls.push(this.#call());
      await untilDue(this.#startedAtMs, calls.length, perSecond);
    }
    await Promise.all(calls);
  }

  async #call(): Promise<void> {
    const window = this.#window();
    const startedAtMs = performance.now();
    const answer = await callSpillway({
      agent: this.#agent,
      origin: this.#origin,
      endpoint: "chat",
      apiKey: scenarioKey,
      whenCalled: Promise.resolve(),
    });
    const sees = describeAnswer(answer);
    if (sees === '200 "first" stop') {
      window.servedByFirst += 1;
    } else if (sees === '200 "second" stop') {
      window.servedBySecond += 1;
    } else {
      window.failed += 1;
      this.failures.push(`${sees}: ${answer.headers["x-spillway-trail"]}`);
    }
    if (String(answer.headers["x-spillway-trail"]).includes("first primary PROVIDER")) {
      window.wasted += 1;
    }
    window.slowestMs = Math.max(window.slowestMs, performance.now() - startedAtMs);
  }

  /** The window of a request that begins now. */
  #window(): MutableWindow {
    const index = Math.floor((performance.now() - this.#startedAtMs) / windowMs);
    let window = this.windows[index];
    while (window === undefined) {
      const startsAtMs = this.windows.length * windowMs;
      const { isUp } = this;
      this.windows.push({ startsAtMs, isUp, servedByFirst: 0, servedBySecond: 0, wasted: 0, failed: 0, slowestMs: 0 });
      window = this.windows[index];
    }
    return window;
  }
}

function toConfig(first: string, second: string): string {
  const toModel = (name: string, baseUrl: string) => ({
    name,
    provider: "openai-compatible",
    model: name,
    secret: "upstream",
    base_url: baseUrl,
  });
  return JSON.stringify({
    version: 1,
    secrets: [{ name: "upstream", provider: "openai-compatible", value: { api_key: "sk-upstream" } }],
    models: [toModel("first", first), toModel("second", second)],
    endpoints: [
      {
        name: "chat",
        primary: [{ model: "first", weight: 1 }],
        fallback: [{ model: "second" }],
        fallback_config: { strategy: "SEQUENTIAL" },
        policy: {
          // Long enough for a busy machine: what is killed refuses or resets at once.
          timeouts: { connect: 3_000, attempt: 5_000 },
          retries: { max: 0 },
          breaker: {
            failure_ratio: 0.5,
            min_requests: 5,
            window: 500,
            open_for: openForMs,
            half_open_probes: restartProbes,
          },
        },
      },
    ],
    keys: [{ name: "scenarios", value: scenarioKey }],
  });
}
