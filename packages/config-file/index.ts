export { ConfigFileError, type ConfigFileViolation } from "./config-file-error.ts";
export type { Environment } from "./environment-references.ts";
export { type FileLogger, type KeepConfigFileOptions, keepConfigFile } from "./keep-config-file.ts";
export { nearestName, suggestName } from "./nearest-name.ts";
export { parseConfigText } from "./parse-config-text.ts";
export { type ConfigFile, readConfigFile, sourceOfConfigFile } from "./read-config-file.ts";
export { type ConfigFileWatch, type WatchConfigFileOptions, watchConfigFile } from "./watch-config-file.ts";
