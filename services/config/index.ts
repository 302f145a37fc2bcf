export { type ConfigServiceOptions, type OpenConfigService, openConfigService } from "./open-config-service.ts";
