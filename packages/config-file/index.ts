export { ConfigFileError } from "./config-file-error.ts";
export { keepConfigFile } from "./keep-config-file.ts";
export { nearestName, suggestName } from "./nearest-name.ts";
export { parseConfigText } from "./parse-config-text.ts";
