import { setTimeout } from "node:timers/promises";
import { keepConfigFile } from "#config-file";
import type { inferenceV1, routingV1 } from "#contracts";
import { RpcError, type Service } from "#rpc";
import { type ProgramRun, retryWithBackoff } from "#runtime";
import type { KeyEncryptionKey } from "#secrets";
import { openConfigService } from "#services/config";
import { demoEndpoint, writeDemoIfEmpty } from "./demo.ts";
import type { Addresses } from "./listen.ts";
import type { Database } from "./open-database.ts";
import { readOverview } from "./read-overview.ts";
import { type allInOneCommandLine, environment } from "./settings.ts";
import type { Startup } from "./startup.ts";
import { formatWelcome } from "./welcome.ts";

/** What is needed once the database is there. */
export interface ConfigStart extends ProgramRun<typeof allInOneCommandLine.settings> {
  readonly database: Database;
  readonly keyEncryptionKey: KeyEncryptionKey;
  readonly allowPrivateUpstreams: boolean;
  readonly startup: Startup;
  readonly routing: Pick<Service<routingV1.RoutingServiceDefinition>, "getConfigStatus">;
  readonly inference: Pick<Service<inferenceV1.InferenceServiceDefinition>, "listModels">;
  readonly addresses: Addresses;
}

const readinessPollMs = 5;

/** Opens the config service on the database, puts the file or the demo in force, and says that all is ready. */
export async function bringConfigInForce(start: ConfigStart): Promise<void> {
  const { settings, options, logger, telemetry, shutdown, terminal, startup, database } = start;
  shutdown.signal.throwIfAborted();
  const service = openConfigService({
    databaseUrl: database.url,
    keyEncryptionKey: start.keyEncryptionKey,
    logger,
    adminToken: settings.adminToken?.reveal(),
    serviceToken: settings.serviceToken?.reveal(),
    allowPrivateUpstreams: start.allowPrivateUpstreams,
  });
  startup.own(service);
  const config = service.implementation;
  const asAdmin = authorizedBy(settings.adminToken?.reveal());

  if (options.config === undefined) {
    await service.whenReady();
    await writeDemoIfEmpty(config, asAdmin, { logger, signal: shutdown.signal });
  } else {
    await keepConfigFile({
      path: options.config,
      environment,
      config,
      metadata: asAdmin,
      whenWritable: service.whenReady().then(() => startup.waitFor("the configuration file is not in force yet")),
      setFileStatus: (status) => service.setFileStatus(status),
      logger,
      signal: shutdown.signal,
    });
  }
  startup.complete(config);
  while (!(await start.routing.getConfigStatus({})).ready) {
    await setTimeout(readinessPollMs, undefined, shutdown);
  }

  // Requests are answered already: a database that goes away just now must not end that.
  const { endpoints, access } = await retryWithBackoff(() => readOverview(start.inference, config, asAdmin), {
    signal: shutdown.signal,
    onFailure: (error) => {
      if (!(error instanceof RpcError) || error.code !== "UNAVAILABLE") {
        throw error;
      }
    },
  });
  logger.info({ event: "ready", ...start.addresses, endpoints: endpoints.length, access }, "ready");
  const isDemo = options.config === undefined && endpoints.includes(demoEndpoint);
  terminal.write(
    formatWelcome({
      ...start.addresses,
      databasePlace: database.place,
      exportUrl: telemetry.exportUrl,
      access,
      endpoint: isDemo ? demoEndpoint : endpoints[0],
      isDemo,
    }),
  );
}

function authorizedBy(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
