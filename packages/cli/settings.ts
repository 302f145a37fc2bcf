import { parsedSetting, readEnvironment, type SettingValues, textSetting } from "#runtime";

const settings = {
  routingAddress: textSetting({
    variable: "SPILLWAY_ROUTING_ADDRESS",
    description: "Where the routing service listens",
    absent: "127.0.0.1:8081",
  }),
  adminToken: parsedSetting<string | undefined>({
    variable: "SPILLWAY_ADMIN_TOKEN",
    description: "Token that the services ask for, where one is set",
    absent: undefined,
    form: "the token",
    isSecret: true,
    parse: (text) => text,
  }),
};

/** What the commands read from the environment. */
export type CliSettings = SettingValues<typeof settings>;

/** Reads the commands' environment variables; throws `SettingsError`. */
export function readCliSettings(): CliSettings {
  return readEnvironment(process.env, settings);
}
