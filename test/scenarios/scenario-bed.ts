import { randomBytes } from "node:crypto";
import { Topology, type TopologyKind } from "../e2e/topology.ts";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "../harness/otlp-receiver.ts";
import {
  chatCompletion,
  chatStream,
  findRefusingPort,
  type ScriptedUpstream,
  type SilentListener,
  scriptedUsage,
  startScriptedUpstream,
  startSilentListener,
  type UpstreamRequest,
  type UpstreamScript,
  type UpstreamStep,
} from "../harness/scripted-upstream.ts";
import { type CallerAnswer, callSpillway } from "./call-spillway.ts";
import { findDifferences } from "./find-differences.ts";
import type { Scenario, ScenarioRequest } from "./scenario.ts";
import { scenarioKey, toModelName, toScenarioConfig } from "./scenario-config.ts";

/** How a scenario went. */
export interface ScenarioOutcome {
  /** What the caller saw, in short. */
  readonly sees: string;
  readonly attempts: number;
  readonly durationMs: number;
  /** What was not as the scenario says; empty when all was. */
  readonly differences: readonly string[];
}

interface TargetScript {
  readonly name: string;
  readonly left: UpstreamScript[];
  readonly calls: UpstreamRequest[];
}

/** A running Spillway with an endpoint for every scenario, an upstream that plays their faults, and a receiver of traces. */
export class ScenarioBed {
  readonly #upstream: ScriptedUpstream;
  readonly #silent: SilentListener;
  readonly #receiver: OtlpReceiver;
  readonly #spillway: Topology;
  readonly #scripts: ReadonlyMap<string, TargetScript>;

  private constructor(
    parts: { upstream: ScriptedUpstream; silent: SilentListener; receiver: OtlpReceiver },
    spillway: Topology,
    scripts: ReadonlyMap<string, TargetScript>,
  ) {
    this.#upstream = parts.upstream;
    this.#silent = parts.silent;
    this.#receiver = parts.receiver;
    this.#spillway = spillway;
    this.#scripts = scripts;
  }

  /** Starts it. `databaseServerUrl`: outside of a test run, the Postgres server to use. */
  static async open(
    kind: TopologyKind,
    scenarios: readonly Scenario[],
    databaseServerUrl?: string,
  ): Promise<ScenarioBed> {
    const [upstream, silent, receiver] = await Promise.all([
      startScriptedUpstream(),
      startSilentListener(),
      startOtlpReceiver(),
    ]);
    const scripts = toScripts(scenarios);
    upstream.otherwise((request) => takeStep(scripts, request));
    const config = toScenarioConfig(scenarios, {
      upstream: upstream.baseUrl,
      refusing: `http://127.0.0.1:${await findRefusingPort()}/v1`,
      silent: `https://127.0.0.1:${silent.port}/v1`,
    });
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: "20" };
    const spillway = await Topology.start(kind, { config, environment, databaseServerUrl });
    return new ScenarioBed({ upstream, silent, receiver }, spillway, scripts);
  }

  /** Runs a scenario. Each may run once, beside others. */
  async run(scenario: Scenario): Promise<ScenarioOutcome> {
    for (let index = 0; index < (scenario.before ?? 0); index += 1) {
      await this.#call(scenario, { ...scenario.request, traceId: newTraceId() });
    }
    const leaving = new AbortController();
    const beside = this.#startBeside(scenario, leaving.signal);
    await beside.hasBegun;
    const callsBefore = this.#callsOf(scenario).length;
    const traceId = newTraceId();
    const startedAtMs = performance.now();
    const answer = await this.#call(scenario, { ...scenario.request, traceId });
    const durationMs = performance.now() - startedAtMs;
    const calls = this.#callsOf(scenario).slice(callsBefore);
    // Abort signals travel; what matters of their time is asserted where it matters.
    await this.#upstream.until(() =>
      calls.every(({ isAnswered, abortedAtMs }) => isAnswered || abortedAtMs !== undefined),
    );
    leaving.abort();
    await beside.call;
    const spans = await this.#spansOf(traceId, scenario.id);
    return findDifferences(scenario, { answer, calls, spans }, { durationMs, traceId });
  }

  async close(): Promise<void> {
    await this.#spillway.stop();
    await this.#receiver.close();
    await this.#silent.close();
    await this.#upstream.close();
  }

  #call(
    { id }: Scenario,
    {
      traceId,
      signal,
      ...request
    }: ScenarioRequest & { readonly traceId: string; readonly signal?: AbortSignal | undefined },
  ): Promise<CallerAnswer> {
    const known = this.#callsNamed(id).length;
    return callSpillway({
      ...request,
      ...(signal !== undefined && { signal }),
      headers: { traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01`, ...request.headers },
      origin: this.#spillway.origin,
      endpoint: id,
      apiKey: scenarioKey,
      whenCalled: typeof request.leaves === "number" ? this.#untilCalls(id, known + request.leaves) : Promise.resolve(),
    });
  }

  /** Makes the request that is under way meanwhile; `hasBegun` when the upstream has it. */
  #startBeside(
    scenario: Scenario,
    signal: AbortSignal,
  ): { readonly hasBegun: Promise<void>; readonly call: Promise<unknown> } {
    if (scenario.beside === undefined) {
      return { hasBegun: Promise.resolve(), call: Promise.resolve() };
    }
    const hasBegun = this.#untilCalls(scenario.id, this.#callsOf(scenario).length + 1);
    return {
      hasBegun,
      call: this.#call(scenario, { stream: scenario.beside === "stream", traceId: newTraceId(), signal }),
    };
  }

  #untilCalls(id: string, count: number): Promise<void> {
    return this.#upstream.until(() => this.#callsNamed(id).length >= count);
  }

  #callsOf({ id }: Scenario): UpstreamRequest[] {
    return this.#callsNamed(id);
  }

  #callsNamed(id: string): UpstreamRequest[] {
    return [...this.#scripts]
      .filter(([model]) => model.startsWith(`${id}.`))
      .flatMap(([, { calls }]) => calls)
      .sort((one, other) => one.receivedAtMs - other.receivedAtMs);
  }

  /** The spans of a trace, once the ones that end last are there. */
  async #spansOf(traceId: string, id: string): Promise<readonly ReceivedSpan[]> {
    const ofTrace = (spans: readonly ReceivedSpan[]) => spans.filter((span) => span.traceId === traceId);
    await this.#receiver.waitForSpans((spans) => {
      const names = ofTrace(spans).map(({ name }) => name);
      return names.includes("POST /v1/chat/completions") && names.includes(`chat ${id}`);
    });
    return ofTrace(this.#receiver.spans);
  }
}

function toScripts(scenarios: readonly Scenario[]): Map<string, TargetScript> {
  const scripts = new Map<string, TargetScript>();
  for (const { id, targets } of scenarios) {
    for (const [name, { steps = [] }] of Object.entries(targets)) {
      const model = toModelName(id, name);
      if (scripts.has(model)) {
        throw new Error(`two scenarios are called ${id}`);
      }
      scripts.set(model, { name, left: [...steps], calls: [] });
    }
  }
  return scripts;
}

function takeStep(scripts: ReadonlyMap<string, TargetScript>, request: UpstreamRequest): UpstreamStep {
  const script = scripts.get(modelOf(request));
  if (script === undefined) {
    return { status: 404 };
  }
  script.calls.push(request);
  const step = script.left.shift() ?? greet(script.name);
  return typeof step === "function" ? step(request) : step;
}

/** The model that a call asks for. */
export function modelOf({ body }: UpstreamRequest): string {
  return (JSON.parse(body.toString()) as { readonly model: string }).model;
}

/** A healthy answer that says who gave it. */
function greet(name: string): UpstreamScript {
  return ({ body }) => {
    const text = body.toString();
    if (!text.includes('"stream":true')) {
      return chatCompletion({ content: `Hello from ${name}` });
    }
    return chatStream({
      words: ["Hello", " from", ` ${name}`],
      usage: text.includes('"include_usage":true') ? scriptedUsage : null,
    });
  };
}

function newTraceId(): string {
  return randomBytes(16).toString("hex");
}
