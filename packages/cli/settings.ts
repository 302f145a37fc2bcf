import { type Environment, readEnvironment, type SettingValues, serviceSettings } from "#runtime";
import { UsageError } from "./usage-error.ts";

const { routingAddress, adminToken } = serviceSettings;
const settings = { routingAddress, adminToken };

/** What the commands read from the environment. */
export type CliSettings = SettingValues<typeof settings>;

/** The environment of this process. */
export const environment: Environment = process.env;

/** Reads the commands' environment variables; throws `SettingsError`. */
export function readCliSettings(from: Environment): CliSettings {
  return readEnvironment(from, settings);
}

/** An address that was given as `--address`, in the form that the variable has; throws `UsageError`. */
export function readAddress(text: string): string {
  try {
    return routingAddress.parse(text);
  } catch (error) {
    throw new UsageError(`--address ${text} ${(error as Error).message}: give ${routingAddress.form}`);
  }
}
