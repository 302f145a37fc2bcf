import { join } from "node:path";
import { ConfigFileError } from "#config-file";
import { configV1 } from "#contracts";
import { EmbeddedPostgresError } from "#embedded-postgres";
import { createInProcessClient } from "#rpc";
import { makeDataDirectory, runProgram } from "#runtime";
import { KeyFileError, openOrCreateKeyFile } from "#secrets";
import { startRoutingService } from "#services/routing";
import { bringConfigInForce } from "./bring-config-in-force.ts";
import { listen } from "./listen.ts";
import { openDatabase } from "./open-database.ts";
import { allInOneCommandLine, environment } from "./settings.ts";
import { Startup } from "./startup.ts";

await runProgram({
  service: "spillway",
  commandLine: allInOneCommandLine,
  environment,
  isForPeople: true,
  printsTraces: ({ settings, options }) => options.config === undefined && settings.databaseUrl === undefined,
  expectedErrors: [ConfigFileError, EmbeddedPostgresError, KeyFileError],
  async start(run) {
    const { settings, options, logger, telemetry, shutdown } = run;
    const { dataDirectory, allowPrivateUpstreams = settings.databaseUrl === undefined } = settings;
    const tracer = telemetry.tracer("spillway");
    makeDataDirectory(dataDirectory);
    const database = openDatabase(settings.databaseUrl, dataDirectory, run);
    database.catch(run.fail);
    const keyEncryptionKey = settings.keyEncryptionKey ?? openOrCreateKeyFile(join(dataDirectory, "key"));

    // Requests are answered from the last configuration on disk while the database is still on its way.
    const startup = new Startup("waiting for Postgres");
    const config = startup.configService();
    shutdown.add("config service", () => startup.close());
    const service = await startRoutingService({
      config: createInProcessClient(configV1.ConfigServiceDefinition, config),
      keyEncryptionKey,
      snapshotPath: join(dataDirectory, "snapshot.bin"),
      logger,
      tracer,
      metrics: telemetry.metrics,
      isOpen: settings.databaseUrl === undefined,
      awaitsConfigFile: options.config !== undefined,
      adminToken: settings.adminToken?.reveal(),
      serviceToken: settings.serviceToken?.reveal(),
      allowPrivateUpstreams,
      logsEveryRequest: settings.logRequests === "all",
    });
    shutdown.add("routing service", () => service.close());

    const routing = startup.reportedBy(service.routing);
    const { inference } = service;
    const addresses = await listen({ inference, routing, config }, run, tracer);
    logger.info({ event: "listening", ...addresses }, "listening; waiting for Postgres");

    const services = { inference, routing, startup, keyEncryptionKey, allowPrivateUpstreams, addresses };
    await bringConfigInForce({ ...run, ...services, database: await database });
  },
});
