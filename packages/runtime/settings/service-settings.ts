import type { SettingsTable } from "./read-environment.ts";
import {
  addressSetting,
  booleanSetting,
  choiceSetting,
  integerSetting,
  parsedSetting,
  portSetting,
  secretSetting,
  textSetting,
} from "./setting.ts";

/** The variables that more than one program reads. Each program takes those that it needs. */
export const serviceSettings = {
  host: textSetting({
    variable: "SPILLWAY_HOST",
    description: "Address that every port listens on",
    absent: "127.0.0.1",
  }),
  httpPort: portSetting({ variable: "SPILLWAY_HTTP_PORT", description: "Port of the HTTP API", absent: 8080 }),
  grpcPort: portSetting({
    variable: "SPILLWAY_GRPC_PORT",
    description: "gRPC port of InferenceService and RoutingService",
    absent: 8081,
  }),
  configGrpcPort: portSetting({
    variable: "SPILLWAY_CONFIG_GRPC_PORT",
    description: "gRPC port of ConfigService",
    absent: 8082,
  }),
  configAddress: addressSetting({
    variable: "SPILLWAY_CONFIG_ADDRESS",
    description: "Where ConfigService listens",
    absent: "127.0.0.1:8082",
  }),
  routingAddress: addressSetting({
    variable: "SPILLWAY_ROUTING_ADDRESS",
    description: "Where InferenceService and RoutingService listen",
    absent: "127.0.0.1:8081",
  }),
  databaseUrl: secretSetting({
    variable: "DATABASE_URL",
    description: "Postgres that holds the configuration",
    form: "a URL, e.g. postgres://user:password@host:5432/database",
    check: (text) => {
      if (!URL.canParse(text) || !/^postgres(ql)?:$/.test(new URL(text).protocol)) {
        throw new Error("is of another form");
      }
    },
  }),
  dataDirectory: textSetting({
    variable: "SPILLWAY_DATA_DIR",
    description: "Folder of what this process keeps on disk",
    absent: ".spillway",
  }),
  adminToken: secretSetting({
    variable: "SPILLWAY_ADMIN_TOKEN",
    description: "Token that callers of ConfigService and RoutingService, and of the all-in-one's /metrics, must show",
    form: "printable ASCII without spaces",
    defaultText: "unset: not asked for",
    check: refuseUnsendable,
  }),
  serviceToken: secretSetting({
    variable: "SPILLWAY_SERVICE_TOKEN",
    description: "Token that the services show each other; the same in all",
    form: "printable ASCII without spaces",
    defaultText: "unset: not asked for",
    check: refuseUnsendable,
  }),
  bodyLimitBytes: integerSetting({
    variable: "SPILLWAY_BODY_LIMIT_BYTES",
    description: "Largest request body, in bytes",
    absent: 64 * 1024 * 1024,
    least: 1,
    most: 1024 * 1024 * 1024,
  }),
  logRequests: choiceSetting({
    variable: "SPILLWAY_LOG_REQUESTS",
    description:
      "Which requests have a line in the log: notable, those that failed or took more than one attempt; or all",
    choices: ["notable", "all"],
    absent: "notable",
  }),
  allowPrivateUpstreams: booleanSetting({
    variable: "SPILLWAY_ALLOW_PRIVATE_UPSTREAMS",
    description: "Whether providers may live in private networks",
    absent: false,
  }),
} satisfies SettingsTable;

/** The port of `/healthz`, `/readyz` and `/metrics` of a process that serves no HTTP API. */
export function adminPortSetting(absent: number) {
  return portSetting({
    variable: "SPILLWAY_ADMIN_PORT",
    description: "Port of /healthz, /readyz and /metrics",
    absent,
  });
}

/** The key that secrets are encrypted with, made from its text by `resolve`, whose error never holds the text. */
export function keySetting<Key>(resolve: (text: string) => Key, defaultText = "unset") {
  return parsedSetting<Key | undefined>({
    variable: "SPILLWAY_KEK",
    description: "Key that secrets are encrypted with",
    form: "32 bytes as base64 or hexadecimal, a passphrase of at least 16 characters, or file:PATH of a file with either",
    isSecret: true,
    absent: undefined,
    defaultText,
    parse: resolve,
  });
}

/** A token travels in a header. */
function refuseUnsendable(text: string): void {
  if (!/^[!-~]+$/.test(text)) {
    throw new Error("holds what no header can carry");
  }
}
