import { logLevels } from "../log/logger.ts";
import { telemetrySettings } from "../telemetry/telemetry-settings.ts";
import type { SettingsTable } from "./read-environment.ts";
import { booleanSetting, choiceSetting, integerSetting } from "./setting.ts";

/** Settings that every program of the house has. */
export const processSettings = {
  logLevel: choiceSetting({
    variable: "SPILLWAY_LOG_LEVEL",
    description: `How much is logged: ${logLevels.join(", ")}`,
    choices: logLevels,
    absent: "info",
  }),
  // With all that follows it less than the 10 seconds that `docker stop` waits before it kills.
  drainMs: integerSetting({
    variable: "SPILLWAY_DRAIN_MS",
    description: "Milliseconds that requests under way may still take after SIGTERM",
    least: 0,
    most: 3_600_000,
    absent: 7000,
  }),
  printTraces: booleanSetting({
    variable: "SPILLWAY_PRINT_TRACES",
    description: "Prints the span tree of each request on the terminal",
    absent: undefined,
    defaultText: "false; true for the demo",
  }),
  ...telemetrySettings,
} satisfies SettingsTable;
