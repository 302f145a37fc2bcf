// Every scenario, over HTTP, in both topologies: what the caller saw, how many attempts, how long. Fails if any differs.
import { parseArgs } from "node:util";
import { type TopologyKind, topologyKinds } from "../e2e/topology.ts";
import { openDatabaseServer } from "../harness/open-database-server.ts";
import { allScenarios } from "./all-scenarios.ts";
import type { Scenario } from "./scenario.ts";
import { ScenarioBed, type ScenarioOutcome } from "./scenario-bed.ts";

const help = `npm run scenarios -- [options]
  --only <text>   scenarios whose id has this text
  --jobs <n>      scenarios at a time (4)
`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    jobs: { type: "string", default: "4" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  process.stdout.write(help);
} else {
  process.exitCode = await runAll();
}

async function runAll(): Promise<number> {
  const scenarios = allScenarios.filter(({ id }) => id.includes(values.only));
  await using database = await openDatabaseServer();
  let different = 0;
  for (const kind of topologyKinds) {
    different += await runIn(kind, scenarios, database.url);
  }
  const count = scenarios.length * topologyKinds.length;
  print(different === 0 ? `${count} scenarios, all as specified` : `${different} of ${count} scenarios differ`);
  return different === 0 && count > 0 ? 0 : 1;
}

/** Runs them in one topology and prints each; the number of those that differ. */
async function runIn(kind: TopologyKind, scenarios: readonly Scenario[], databaseServerUrl: string): Promise<number> {
  print(`\n${kind}`);
  const bed = await ScenarioBed.open(kind, scenarios, databaseServerUrl);
  let different = 0;
  const left = [...scenarios];
  const work = async () => {
    for (let scenario = left.shift(); scenario !== undefined; scenario = left.shift()) {
      const outcome = await bed.run(scenario).catch(toFailedOutcome);
      if (outcome.differences.length > 0) {
        different += 1;
      }
      print(toLine(scenario, outcome));
      for (const difference of outcome.differences) {
        print(`      ${difference}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Number(values.jobs) }, work));
  } finally {
    await bed.close();
  }
  return different;
}

function toLine({ id }: Scenario, { sees, attempts, durationMs, differences }: ScenarioOutcome): string {
  const mark = differences.length === 0 ? "ok" : "NO";
  const time = `${Math.round(durationMs)} ms`;
  return `${mark}  ${id.padEnd(48)} ${sees.slice(0, 60).padEnd(60)} ${String(attempts).padStart(2)} ${time.padStart(8)}`;
}

function toFailedOutcome(thrown: unknown): ScenarioOutcome {
  return { sees: "", attempts: 0, durationMs: 0, differences: [String(thrown)] };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
