import { expect, test } from "vitest";
import { formatSummaries, spreadOf, summarize, type WindowFigures } from "./summarize.ts";

function figures(cpuUs: number): WindowFigures {
  return { cpuUs, requestsPerSecond: 1000, latencyMs: 1 };
}

test("the ratio is taken round by round, so that a machine that slows down does not change it", () => {
  const rounds = [1, 2, 4].map((slowness) => ({ control: figures(30 * slowness), gateway: figures(45 * slowness) }));
  expect(summarize("unary", rounds)).toMatchObject({
    rounds: 3,
    controlCpuUs: { median: 60, min: 30, max: 120 },
    gatewayCpuUs: { median: 90 },
    ratio: { median: 1.5, min: 1.5, max: 1.5 },
  });
});

test("an even number of values has the mean of the middle two as median", () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
});

test("the table has a line for the control and one for the gateway", () => {
  const text = formatSummaries([summarize("unary", [{ control: figures(30), gateway: figures(45) }])]);
  const lines = text.split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[1]).toContain("30.0 (30.0-30.0)");
  expect(lines[2]).toContain("1.50 (1.50-1.50)");
});
