import {
  type CommandLine,
  checkListenHost,
  type Environment,
  keySetting,
  processSettings,
  serviceSettings,
} from "#runtime";
import { resolveKeyEncryptionKey } from "#secrets";

const { host, httpPort, grpcPort, configGrpcPort, databaseUrl, dataDirectory } = serviceSettings;
const { adminToken, serviceToken, bodyLimitBytes, allowPrivateUpstreams, logRequests } = serviceSettings;

const settings = {
  host,
  httpPort,
  grpcPort,
  configGrpcPort,
  databaseUrl: { ...databaseUrl, defaultText: "an embedded Postgres in the data folder" },
  dataDirectory,
  keyEncryptionKey: keySetting(resolveKeyEncryptionKey, "a key file in the data folder"),
  adminToken,
  serviceToken,
  bodyLimitBytes,
  allowPrivateUpstreams: {
    ...allowPrivateUpstreams,
    absent: undefined,
    defaultText: "true with the embedded Postgres, else false",
  },
  logRequests,
  ...processSettings,
};

/** What the all-in-one takes; nothing is required. Without tokens it listens on loopback only. */
export const allInOneCommandLine: CommandLine<typeof settings> = {
  name: "npm start",
  about:
    "Runs the whole of Spillway in one process: the HTTP API, the gRPC services, and a Postgres of its own unless\n" +
    "DATABASE_URL is set. A --config file is put in force at start and again whenever it changes; without one, an empty\n" +
    "database gets an endpoint `demo`, and span trees are printed.",
  options: { config: { value: "<file>", description: "Declarative file to put in force" } },
  settings,
  check: (values) =>
    checkListenHost(values.host, {
      SPILLWAY_ADMIN_TOKEN: values.adminToken,
      SPILLWAY_SERVICE_TOKEN: values.serviceToken,
    }),
};

/** The environment of this process; references of the declarative file are resolved from it too. */
export const environment: Environment = process.env;
