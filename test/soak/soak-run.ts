import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Topology } from "../e2e/topology.ts";
import type { OtlpReceiver } from "../harness/otlp-receiver.ts";
import {
  healthyStep,
  type ScriptedUpstream,
  type UpstreamRequest,
  type UpstreamStep,
} from "../harness/scripted-upstream.ts";
import { callSpillway } from "../scenarios/call-spillway.ts";
import { describeAnswer, isLike } from "../scenarios/describe-answer.ts";
import { modelOf } from "../scenarios/scenario-bed.ts";
import { scenarioKey } from "../scenarios/scenario-config.ts";
import { readProcessFigures, type Sample, slopePerMinute, toFloors } from "./process-figures.ts";
import { faultOf, soakFaults, untilDue } from "./soak-faults.ts";
import { SpanLedger } from "./span-ledger.ts";

// The first part of a run fills pools and caches, and the compiler does its work.
const warmUpShare = 0.4;
const sampleEveryMs = 2_000;
// Memory goes up until the garbage is collected; what is left then tells of leaks.
const floorMinutes = 0.5;
const fewestFloors = 3;
const mostMegabytesPerMinute = 4;
// Connections that are kept for the next request, to the upstream's host and of the services among each other.
const idleAfterMs = 20_000;
const mostHandlesMore = 8;
const mostProblemsTold = 20;

/** What takes part in a soak. */
export interface SoakParts {
  readonly spillway: Topology;
  readonly upstream: ScriptedUpstream;
  readonly receiver: OtlpReceiver;
}

/** One soak: load, samples and accounts. */
export class SoakRun {
  readonly #parts: SoakParts;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 500 });
  readonly #ledger = new SpanLedger();
  readonly #samples: Sample[] = [];
  readonly #problems: string[] = [];
  #asked = 0;
  #answered = 0;
  #slowestMs = 0;

  constructor(parts: SoakParts) {
    this.#parts = parts;
    parts.upstream.otherwise(playFault);
  }

  /** Runs it and tells what was not as it must be. */
  async run({
    minutes,
    perSecond,
  }: {
    readonly minutes: number;
    readonly perSecond: number;
  }): Promise<readonly string[]> {
    const startedAtMs = performance.now();
    const endsAtMs = startedAtMs + minutes * 60_000;
    const before = this.#figures();
    const sampling = this.#sample(startedAtMs, endsAtMs);
    const calls = new Set<Promise<void>>();
    while (performance.now() < endsAtMs) {
      const call = this.#call(this.#asked).finally(() => calls.delete(call));
      calls.add(call);
      this.#asked += 1;
      await untilDue(startedAtMs, this.#asked, perSecond);
    }
    await Promise.all(calls);
    await sampling;
    this.#agent.destroy();
    await this.#judgeSpans();
    this.#judgeMemory(minutes);
    await this.#judgeHandles(before.handles);
    return this.#problems;
  }

  async #call(number: number): Promise<void> {
    const fault = faultOf(number);
    const traceId = randomBytes(16).toString("hex");
    const startedAtMs = performance.now();
    const answer = await callSpillway({
      ...fault.request,
      agent: this.#agent,
      origin: this.#parts.spillway.origin,
      endpoint: fault.endpoint,
      apiKey: scenarioKey,
      whenCalled: Promise.resolve(),
      members: { messages: [{ role: "user", content: fault.name }] },
      headers: { traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` },
    });
    this.#answered += 1;
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedAtMs);
    const told = answer.headers["x-spillway-attempts"];
    this.#ledger.onAnswer(traceId, told === undefined ? undefined : Number(told));
    const sees = describeAnswer(answer);
    if (!isLike(sees, fault.sees)) {
      this.#complain(`${fault.name}: ${sees.slice(0, 200)} instead of ${fault.sees}`);
    }
  }

  /** Notes memory every few seconds, takes what spans have come, and prints a line a minute. */
  async #sample(startedAtMs: number, endsAtMs: number): Promise<void> {
    let minutesTold = 0;
    while (performance.now() < endsAtMs) {
      await sleep(sampleEveryMs);
      this.#takeSpans();
      const minute = (performance.now() - startedAtMs) / 60_000;
      const figures = this.#figures();
      this.#samples.push({ minute, value: figures.megabytes });
      if (minute >= minutesTold + 1) {
        minutesTold += 1;
        this.#tell(`minute ${minutesTold}`);
      }
    }
  }

  #tell(when: string): void {
    const { megabytes, handles } = this.#figures();
    const words = [
      `${when}: ${this.#answered} of ${this.#asked} requests answered, the slowest in ${Math.round(this.#slowestMs)} ms`,
      `${this.#ledger.attempts} attempts with their spans (${this.#ledger.disagreeing.length} requests open)`,
      `${Math.round(megabytes)} MB, ${handles ?? "?"} handles, ${this.#parts.upstream.openConnections} connections upstream`,
    ];
    process.stdout.write(`${words.join("; ")}\n`);
    this.#slowestMs = 0;
  }

  #takeSpans(): void {
    const { spans } = this.#parts.receiver;
    this.#parts.receiver.clear();
    this.#ledger.onSpans(spans);
  }

  #figures() {
    return readProcessFigures([...this.#parts.spillway.processIds.values()]);
  }

  async #judgeSpans(): Promise<void> {
    const untilMs = performance.now() + 10_000;
    do {
      await sleep(500);
      this.#takeSpans();
    } while (this.#ledger.disagreeing.length > 0 && performance.now() < untilMs);
    for (const request of this.#ledger.disagreeing) {
      this.#complain(`spans and attempts differ: ${request}`);
    }
    process.stdout.write(`${this.#ledger.agreed} requests, ${this.#ledger.attempts} attempts, as many spans\n`);
  }

  #judgeMemory(minutes: number): void {
    const settled = this.#samples.filter(({ minute }) => minute >= minutes * warmUpShare);
    const floors = toFloors(settled, floorMinutes);
    const told = floors.map(({ value }) => Math.round(value)).join(" ");
    if (floors.length < fewestFloors) {
      process.stdout.write(`memory after warm-up: ${told} MB; too short a run to tell whether it grows\n`);
      return;
    }
    const slope = slopePerMinute(floors);
    process.stdout.write(`memory after warm-up: ${told} MB, ${slope.toFixed(2)} MB a minute\n`);
    if (slope > mostMegabytesPerMinute) {
      this.#complain(`memory grows by ${slope.toFixed(2)} MB a minute`);
    }
  }

  /** With nothing to do, connections are closed again. */
  async #judgeHandles(handlesBefore: number | undefined): Promise<void> {
    const { upstream } = this.#parts;
    const hasLeak = () => {
      const more = (this.#figures().handles ?? 0) - (handlesBefore ?? 0);
      return upstream.openConnections > 0 || (handlesBefore !== undefined && more > mostHandlesMore);
    };
    const untilMs = performance.now() + idleAfterMs;
    while (hasLeak() && performance.now() < untilMs) {
      await sleep(500);
    }
    const { handles } = this.#figures();
    process.stdout.write(
      `at rest: ${upstream.openConnections} connections upstream, ${handles ?? "?"} handles (${handlesBefore ?? "?"} at the start)\n`,
    );
    if (hasLeak()) {
      this.#complain("connections or handles are left");
    }
  }

  #complain(problem: string): void {
    if (this.#problems.length < mostProblemsTold) {
      this.#problems.push(problem);
    }
  }
}

const steps = new Map(soakFaults.map(({ name, step }) => [name, step]));

function playFault(request: UpstreamRequest): UpstreamStep {
  if (modelOf(request) !== "flaky") {
    return healthyStep(request);
  }
  const { messages } = JSON.parse(request.body.toString()) as { readonly messages: readonly { content: string }[] };
  return steps.get(messages[0]?.content ?? "") ?? { status: 500 };
}
