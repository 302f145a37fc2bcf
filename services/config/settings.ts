import {
  adminPortSetting,
  type CommandLine,
  checkListenHost,
  type Environment,
  keySetting,
  processSettings,
  requiredSetting,
  serviceSettings,
} from "#runtime";
import { resolveKeyEncryptionKey } from "#secrets";

const { host, configGrpcPort, databaseUrl, adminToken, serviceToken, allowPrivateUpstreams } = serviceSettings;

const settings = {
  host,
  grpcPort: configGrpcPort,
  adminPort: adminPortSetting(8084),
  databaseUrl: requiredSetting(databaseUrl),
  keyEncryptionKey: requiredSetting(
    keySetting(resolveKeyEncryptionKey),
    "the same as routing has; `openssl rand -base64 32` makes one",
  ),
  adminToken,
  serviceToken,
  allowPrivateUpstreams,
  ...processSettings,
};

/** What the config service takes. Without tokens it listens on loopback only; without a key and a database not at all. */
export const configCommandLine: CommandLine<typeof settings> = {
  name: "npm run start:config",
  about:
    "The control plane: owns the configuration in Postgres and serves ConfigService over gRPC. A --config file is put in\n" +
    "force before anything listens, and again whenever it changes.",
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
