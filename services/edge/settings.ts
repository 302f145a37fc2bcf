import { type CommandLine, type Environment, processSettings, serviceSettings } from "#runtime";

const { host, httpPort, routingAddress, bodyLimitBytes } = serviceSettings;

const settings = { host, httpPort, routingAddress, bodyLimitBytes, ...processSettings };

/** What the edge takes. */
export const edgeCommandLine: CommandLine<typeof settings> = {
  name: "npm run start:edge",
  about: "Serves the HTTP API, with /healthz and /readyz, and hands every request to the routing service over gRPC.",
  options: {},
  settings,
};

/** The environment of this process. */
export const environment: Environment = process.env;
