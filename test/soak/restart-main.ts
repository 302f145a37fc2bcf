// An upstream is killed and started again under load: no request may fail, and traffic must come back by probes.
import { topologyKinds } from "../e2e/topology.ts";
import { openDatabaseServer } from "../harness/open-database-server.ts";
import { type RestartWindow, restartProbes, runRestart } from "./restart-run.ts";

const phasesMs = { up: 2_000, down: 4_000, again: 4_000 };

process.exitCode = await restartInAll();

async function restartInAll(): Promise<number> {
  await using database = await openDatabaseServer();
  let failed = 0;
  for (const kind of topologyKinds) {
    const { windows, failures, mostProbesAtOnce } = await runRestart(kind, phasesMs, database.url);
    print(`\n${kind}\n   time  first target  by first  by second  wasted  failed   slowest`);
    for (const window of windows) {
      print(toLine(window));
    }
    print(`${failures.length} failed; at most ${mostProbesAtOnce} probes at once, of ${restartProbes}`);
    for (const failure of failures.slice(0, 10)) {
      print(`NO  ${failure}`);
    }
    failed += failures.length;
  }
  return failed === 0 ? 0 : 1;
}

function toLine(window: RestartWindow): string {
  const { startsAtMs, isUp, servedByFirst, servedBySecond, wasted, failed, slowestMs } = window;
  const counts = [servedByFirst, servedBySecond, wasted, failed].map((count) => String(count).padStart(9)).join("");
  return `${(startsAtMs / 1000).toFixed(1).padStart(5)} s  ${(isUp ? "up" : "killed").padEnd(10)}${counts} ${Math.round(slowestMs)} ms`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
