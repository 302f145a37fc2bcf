import { join } from "node:path";
import { configV1, inferenceV1, routingV1 } from "#contracts";
import { createGrpcChannel, createGrpcClient, startGrpcServer } from "#rpc";
import { makeDataDirectory, runProgram, startAdminServer } from "#runtime";
import { startRoutingService } from "./index.ts";
import { environment, routingCommandLine } from "./settings.ts";
import { createStatusReport } from "./status-report.ts";

await runProgram({
  service: "spillway-routing",
  commandLine: routingCommandLine,
  environment,
  async start({ settings, logger, telemetry, shutdown }) {
    const { host } = settings;
    const tracer = telemetry.tracer("spillway-routing");
    const channel = createGrpcChannel({
      address: settings.configAddress,
      serviceName: "config service",
      onUnreachable: (reason) => logger.warn({ reason }, "the config service cannot be reached"),
    });
    shutdown.add("connection to config", () => channel.close());

    makeDataDirectory(settings.dataDirectory);
    const service = await startRoutingService({
      config: createGrpcClient(configV1.ConfigServiceDefinition, channel),
      keyEncryptionKey: settings.keyEncryptionKey,
      snapshotPath: join(settings.dataDirectory, "snapshot.bin"),
      logger,
      tracer,
      metrics: telemetry.metrics,
      isOpen: false,
      // The config service does not listen before its file is in force.
      awaitsConfigFile: false,
      adminToken: settings.adminToken?.reveal(),
      serviceToken: settings.serviceToken?.reveal(),
      allowPrivateUpstreams: settings.allowPrivateUpstreams,
      logsEveryRequest: settings.logRequests === "all",
    });
    shutdown.add("routing service", () => service.close());

    const admin = await startAdminServer({
      host,
      port: settings.adminPort,
      metrics: telemetry.metrics,
      signal: shutdown.signal,
      ...createStatusReport(service.routing),
    });
    shutdown.add("admin server", () => admin.close());

    const grpc = await startGrpcServer({
      host,
      port: settings.grpcPort,
      maxMessageBytes: settings.bodyLimitBytes,
      services: [
        { definition: inferenceV1.InferenceServiceDefinition, implementation: service.inference },
        { definition: routingV1.RoutingServiceDefinition, implementation: service.routing },
      ],
      tracer,
      onUnexpectedError: (error, method) => logger.error({ error, method }, "a call failed by a fault of our own"),
    });
    shutdown.add("gRPC server", (graceMs) => grpc.drain(graceMs));
    logger.info({ event: "listening", grpc: grpc.address, admin: admin.address }, "listening");
  },
});
