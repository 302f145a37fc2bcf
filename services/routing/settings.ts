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

const { host, grpcPort, configAddress, dataDirectory, adminToken, serviceToken } = serviceSettings;
const { bodyLimitBytes, allowPrivateUpstreams, logRequests } = serviceSettings;

const settings = {
  host,
  grpcPort,
  adminPort: adminPortSetting(8083),
  configAddress,
  dataDirectory,
  keyEncryptionKey: requiredSetting(keySetting(resolveKeyEncryptionKey), "the same as the config service has"),
  adminToken,
  serviceToken,
  bodyLimitBytes,
  allowPrivateUpstreams,
  logRequests,
  ...processSettings,
};

/** What the routing service takes. Without the admin token it listens on loopback only; without a key not at all. */
export const routingCommandLine: CommandLine<typeof settings> = {
  name: "npm run start:routing",
  about:
    "The data plane: answers requests from the configuration that it holds in memory, and serves InferenceService and\n" +
    "RoutingService over gRPC. Starts from the last configuration on disk while the config service is away.",
  options: {},
  settings,
  check: (values) => checkListenHost(values.host, { SPILLWAY_ADMIN_TOKEN: values.adminToken }),
};

/** The environment of this process. */
export const environment: Environment = process.env;
