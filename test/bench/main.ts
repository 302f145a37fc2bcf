// What a request costs Spillway, in CPU time, next to what it costs the least that a gateway on Node can do.
import { parseArgs } from "node:util";
import { BenchChild } from "./bench-child.ts";
import { type BenchGateway, benchKey, startGateway } from "./gateway.ts";
import type { LoadOrder, LoadResult } from "./load.ts";
import { formatSummaries, type Round, type Summary, summarize, type WindowFigures } from "./summarize.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "2" },
    warmup: { type: "string", default: "6" },
    only: { type: "string" },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const help = `npm run bench -- [options]
  --json            figures as JSON
  --rounds <n>      rounds of one window each (9)
  --seconds <n>     length of a window (2)
  --warmup <n>      seconds of load before the first round (6)
  --only <name>     one workload: unary or stream
  --profile <dir>   a CPU profile of the gateway goes there
`;

const connections = 32;
const requestBytes = 1024;

interface Subject {
  readonly child: BenchChild;
  readonly port: number;
}

const workloads = { unary: toBody(false), stream: toBody(true) };

if (values.help) {
  process.stdout.write(help);
} else {
  await run();
}

async function run(): Promise<void> {
  const upstream = new BenchChild({ command: ["test/bench/upstream-process.ts"] });
  const { port: upstreamPort } = await upstream.ask<{ readonly port: number }>();
  const control = new BenchChild({ command: ["test/bench/control-process.ts", String(upstreamPort)] });
  const { port } = await control.ask<{ readonly port: number }>();
  const load = new BenchChild({ command: ["test/bench/load-process.ts"] });
  let gateway: BenchGateway | undefined;
  try {
    gateway = await startGateway(upstreamPort, values.profile);
    const subjects = { control: { child: control, port }, gateway };
    const summaries: Summary[] = [];
    for (const [name, body] of Object.entries(workloads)) {
      if (values.only !== undefined && values.only !== name) {
        continue;
      }
      summaries.push(await measure(name, body, { load, ...subjects }));
    }
    process.stdout.write(
      values.json ? `${JSON.stringify(summaries, undefined, 2)}\n` : `${formatSummaries(summaries)}\n`,
    );
  } finally {
    await gateway?.stop();
    for (const child of [load, control, upstream]) {
      await child.stop();
    }
  }
}

async function measure(
  name: string,
  body: string,
  { load, control, gateway }: { readonly load: BenchChild; readonly control: Subject; readonly gateway: Subject },
): Promise<Summary> {
  const window = async (subject: Subject, seconds: number) => runWindow(load, subject, { body, seconds });
  for (const subject of [control, gateway]) {
    await window(subject, Number(values.warmup));
  }
  const rounds: Round[] = [];
  for (let index = 0; index < Number(values.rounds); index++) {
    // Whoever is measured second meets a machine that the first has warmed: each is second as often as the other.
    const order = index % 2 === 0 ? [control, gateway] : [gateway, control];
    const figures = new Map<Subject, WindowFigures>();
    for (const subject of order) {
      figures.set(subject, await window(subject, Number(values.seconds)));
    }
    rounds.push({ control: toFigures(figures, control), gateway: toFigures(figures, gateway) });
  }
  return summarize(name, rounds);
}

async function runWindow(
  load: BenchChild,
  { child, port }: Subject,
  { body, seconds }: { readonly body: string; readonly seconds: number },
): Promise<WindowFigures> {
  const order: LoadOrder = {
    port,
    body,
    connections,
    durationMs: seconds * 1000,
    headers: { authorization: `Bearer ${benchKey}` },
  };
  const before = await child.readCpuUs();
  const result = await load.ask<LoadResult>(order);
  const cpuUs = (await child.readCpuUs()) - before;
  if (result.failed > 0) {
    throw new Error(`${result.failed} requests failed, the first with ${result.firstFailure}`);
  }
  return {
    cpuUs: cpuUs / result.completed,
    requestsPerSecond: (result.completed / result.elapsedMs) * 1000,
    latencyMs: result.medianMs,
  };
}

function toFigures(figures: ReadonlyMap<Subject, WindowFigures>, subject: Subject): WindowFigures {
  const found = figures.get(subject);
  if (found === undefined) {
    throw new Error("a subject was not measured");
  }
  return found;
}

/** A chat request of the size that is told. */
function toBody(stream: boolean): string {
  const withContent = (content: string) =>
    JSON.stringify({ model: "chat", stream, messages: [{ role: "user", content }] });
  return withContent("x".repeat(requestBytes - withContent("").length));
}
