export { createLogger, type Logger, type LogLevel, logLevels, type ProcessLogger } from "./log/logger.ts";
export { type AdminServer, type AdminServerOptions, type Readiness, startAdminServer } from "./process/admin-server.ts";
export { formatMetrics, type Metric } from "./process/metrics-text.ts";
export { type RetryOptions, retryWithBackoff } from "./process/retry-with-backoff.ts";
export { type Program, type ProgramRun, runProgram } from "./process/run-program.ts";
export type { Shutdown } from "./process/shutdown.ts";
export type { Terminal } from "./process/terminal.ts";
export { type CommandLine, formatHelp, readArguments } from "./settings/command-line.ts";
export { HiddenText } from "./settings/hidden-text.ts";
export { checkListenHost, isLoopbackHost } from "./settings/listen-host.ts";
export { processSettings } from "./settings/process-settings.ts";
export { readEnvironment, SettingsError, type SettingsTable, type SettingValues } from "./settings/read-environment.ts";
export { adminPortSetting, keySetting, serviceSettings } from "./settings/service-settings.ts";
export {
  addressSetting,
  booleanSetting,
  choiceSetting,
  type Environment,
  integerSetting,
  parsedSetting,
  portSetting,
  requiredSetting,
  type Setting,
  secretSetting,
  textSetting,
} from "./settings/setting.ts";
export { startTelemetry, type Telemetry, type TelemetryOptions } from "./telemetry/start-telemetry.ts";
export { type TelemetrySettings, telemetrySettings } from "./telemetry/telemetry-settings.ts";
