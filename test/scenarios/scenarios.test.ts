import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { topologyKinds } from "../e2e/topology.ts";
import { allScenarios } from "./all-scenarios.ts";
import { ScenarioBed } from "./scenario-bed.ts";

describe.each(topologyKinds)("Spillway as %s", (kind) => {
  let bed: ScenarioBed;

  beforeAll(async () => {
    bed = await ScenarioBed.open(kind, allScenarios);
  });

  afterAll(() => bed?.close());

  test.concurrent.each(allScenarios)("$id: caller, upstream and trace see what they must", async (scenario) => {
    const { differences } = await bed.run(scenario);
    expect(differences).toEqual([]);
  });
});
