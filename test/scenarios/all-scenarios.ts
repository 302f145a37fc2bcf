import type { Scenario } from "./scenario.ts";
import { streamCutScenarios } from "./stream-cut-scenarios.ts";
import { streamScenarios } from "./stream-scenarios.ts";
import { targetScenarios } from "./target-scenarios.ts";
import { unaryScenarios } from "./unary-scenarios.ts";

/** Every scenario; their ids are unique. */
export const allScenarios: readonly Scenario[] = [
  ...unaryScenarios,
  ...streamScenarios,
  ...streamCutScenarios,
  ...targetScenarios,
];
