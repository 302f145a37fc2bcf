import { ConfigFileError, keepConfigFile } from "#config-file";
import { configV1 } from "#contracts";
import { startGrpcServer } from "#rpc";
import { runProgram, startAdminServer } from "#runtime";
import { openConfigService } from "./index.ts";
import { configCommandLine, environment } from "./settings.ts";

const readyMetric = { name: "spillway.ready", unit: "", description: "Whether calls can be answered, 1 or 0." };
const definition = configV1.ConfigServiceDefinition;

await runProgram({
  service: "spillway-config",
  commandLine: configCommandLine,
  environment,
  expectedErrors: [ConfigFileError],
  async start({ settings, options, logger, telemetry, shutdown }) {
    const { host } = settings;
    const adminToken = settings.adminToken?.reveal();
    const service = openConfigService({
      databaseUrl: settings.databaseUrl.reveal(),
      keyEncryptionKey: settings.keyEncryptionKey,
      logger,
      adminToken,
      serviceToken: settings.serviceToken?.reveal(),
      allowPrivateUpstreams: settings.allowPrivateUpstreams,
    });
    shutdown.add("config service", () => service.close());
    const { implementation } = service;

    let waitsFor: string | undefined = "waiting for Postgres";
    const readReason = () => waitsFor ?? (service.isDatabaseReachable() ? undefined : "Postgres cannot be reached");
    const readReadiness = () => ({ notReadyReason: readReason() });
    const { metrics } = telemetry;
    metrics.observe("gauge", readyMetric, () => [{ labels: {}, value: Number(readReason() === undefined) }]);
    const { signal } = shutdown;
    const admin = await startAdminServer({ host, port: settings.adminPort, metrics, readReadiness, signal });
    shutdown.add("admin server", () => admin.close());
    logger.info({ event: "starting", admin: admin.address }, waitsFor);

    const whenReady = service.whenReady().then(() => {
      waitsFor = "the configuration file is not in force yet";
    });
    if (options.config === undefined) {
      await whenReady;
    } else {
      await keepConfigFile({
        path: options.config,
        environment,
        config: implementation,
        metadata: adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` },
        whenWritable: whenReady,
        setFileStatus: (status) => service.setFileStatus(status),
        logger,
        signal,
      });
    }
    const grpc = await startGrpcServer({
      host,
      port: settings.grpcPort,
      services: [{ definition, implementation, endlessMethods: ["watchConfig"] }],
      tracer: telemetry.tracer("spillway-config"),
    });
    shutdown.add("gRPC server", (graceMs) => grpc.drain(graceMs));
    waitsFor = undefined;
    logger.info({ event: "listening", grpc: grpc.address, admin: admin.address }, "listening");
  },
});
