import type { Tracer } from "@opentelemetry/api";
import { configV1, inferenceV1, routingV1 } from "#contracts";
import { createInProcessClient, type Service, startGrpcServer } from "#rpc";
import type { ProgramRun } from "#runtime";
import { startEdge } from "#services/edge";
import type { allInOneCommandLine } from "./settings.ts";

/** The three services, to be reached from outside. */
export interface ReachableServices {
  readonly inference: Service<inferenceV1.InferenceServiceDefinition>;
  readonly routing: Service<routingV1.RoutingServiceDefinition>;
  readonly config: Service<configV1.ConfigServiceDefinition>;
}

/** Where everything listens, as `host:port`. */
export interface Addresses {
  readonly http: string;
  readonly grpc: string;
  readonly configGrpc: string;
}

/** Starts what listens: inference and routing over gRPC, config over gRPC, and the HTTP API. Drained at shutdown. */
export async function listen(
  { inference, routing, config }: ReachableServices,
  {
    settings,
    logger,
    telemetry,
    shutdown,
  }: Pick<ProgramRun<typeof allInOneCommandLine.settings>, "settings" | "logger" | "telemetry" | "shutdown">,
  tracer: Tracer,
): Promise<Addresses> {
  const { host, httpPort, grpcPort, configGrpcPort, bodyLimitBytes } = settings;
  const onUnexpectedError = (error: unknown, method: string) =>
    logger.error({ error, method }, "a call failed by a fault of our own");
  const inferenceService = { definition: inferenceV1.InferenceServiceDefinition, implementation: inference };
  const routingService = { definition: routingV1.RoutingServiceDefinition, implementation: routing };
  const configService = {
    definition: configV1.ConfigServiceDefinition,
    implementation: config,
    endlessMethods: ["watchConfig"],
  };
  const shared = { host, tracer, onUnexpectedError };
  const services = [inferenceService, routingService] as const;
  const grpc = await startGrpcServer({ ...shared, port: grpcPort, maxMessageBytes: bodyLimitBytes, services });
  shutdown.add("gRPC server", (graceMs) => grpc.drain(graceMs));
  const configGrpc = await startGrpcServer({ ...shared, port: configGrpcPort, services: [configService] });
  shutdown.add("gRPC server of config", (graceMs) => configGrpc.drain(graceMs));
  const edge = await startEdge({
    inference: createInProcessClient(inferenceService.definition, inference, { onUnexpectedError }),
    routing: createInProcessClient(routingService.definition, routing, { onUnexpectedError }),
    logger,
    tracer,
    metrics: telemetry.metrics,
    // They name endpoints, and the port is open to every caller.
    metricsToken: settings.adminToken?.reveal(),
    host,
    port: httpPort,
    bodyLimitBytes,
  });
  shutdown.add("edge", (graceMs) => Promise.all([edge.drain(graceMs), grpc.drain(graceMs)]));
  return { http: edge.address, grpc: grpc.address, configGrpc: configGrpc.address };
}
