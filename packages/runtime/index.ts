export { createLogger, type Logger, type ProcessLogger } from "./log/logger.ts";
export { formatMetrics, metricsContentType } from "./metrics/format-metrics.ts";
export type { CounterCell, HistogramCell, Labels } from "./metrics/metric-cells.ts";
export {
  type CollectedMetric,
  type MetricDescription,
  type MetricPoint,
  MetricRegistry,
} from "./metrics/metric-registry.ts";
export type { Series } from "./metrics/series.ts";
export { type Readiness, startAdminServer } from "./process/admin-server.ts";
export { makeDataDirectory } from "./process/make-data-directory.ts";
export { retryWithBackoff } from "./process/retry-with-backoff.ts";
export { type ProgramRun, runProgram } from "./process/run-program.ts";
export { toBackoffMs } from "./process/to-backoff-ms.ts";
export type { CommandLine } from "./settings/command-line.ts";
export { HiddenText } from "./settings/hidden-text.ts";
export { checkListenHost } from "./settings/listen-host.ts";
export { processSettings } from "./settings/process-settings.ts";
export { readEnvironment, SettingsError, type SettingsTable, type SettingValues } from "./settings/read-environment.ts";
export { adminPortSetting, keySetting, serviceSettings } from "./settings/service-settings.ts";
export {
  booleanSetting,
  type Environment,
  integerSetting,
  parsedSetting,
  requiredSetting,
  type Setting,
  textSetting,
} from "./settings/setting.ts";
export { startTelemetry, type Telemetry } from "./telemetry/start-telemetry.ts";
