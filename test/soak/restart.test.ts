import { expect, test } from "vitest";
import { topologyKinds } from "../e2e/topology.ts";
import { restartProbes, runRestart } from "./restart-run.ts";

test.each(topologyKinds)("as %s, an upstream that is killed and started again costs no request", async (kind) => {
  const { windows, failures, mostProbesAtOnce } = await runRestart(kind, { up: 700, down: 1_000, again: 3_000 });
  expect(failures).toEqual([]);
  expect(mostProbesAtOnce).toBeLessThanOrEqual(restartProbes);
  const served = windows.map(({ servedByFirst }) => servedByFirst > 0);
  expect(served.at(0)).toBe(true);
  expect(served).toContain(false);
  expect(windows.at(-2)).toMatchObject({ servedBySecond: 0, wasted: 0 });
});
