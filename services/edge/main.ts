import { inferenceV1, routingV1 } from "#contracts";
import { createGrpcChannel, createGrpcClient } from "#rpc";
import { runProgram } from "#runtime";
import { startEdge } from "./index.ts";
import { edgeCommandLine, environment } from "./settings.ts";

await runProgram({
  service: "spillway-edge",
  commandLine: edgeCommandLine,
  environment,
  async start({ settings, logger, telemetry, shutdown }) {
    const tracer = telemetry.tracer("spillway-edge");
    const channel = createGrpcChannel({
      address: settings.routingAddress,
      maxMessageBytes: settings.bodyLimitBytes,
      serviceName: "routing service",
      onUnreachable: (reason) => logger.warn({ reason }, "the routing service cannot be reached; requests are refused"),
    });
    shutdown.add("connection to routing", () => channel.close());

    const edge = await startEdge({
      inference: createGrpcClient(inferenceV1.InferenceServiceDefinition, channel, { tracer }),
      routing: createGrpcClient(routingV1.RoutingServiceDefinition, channel),
      logger,
      tracer,
      metrics: telemetry.metrics,
      host: settings.host,
      port: settings.httpPort,
      bodyLimitBytes: settings.bodyLimitBytes,
    });
    shutdown.add("edge", (graceMs) => edge.drain(graceMs));
    logger.info({ event: "listening", http: edge.address, routing: settings.routingAddress }, "listening");
  },
});
