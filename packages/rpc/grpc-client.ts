import type { Tracer } from "@opentelemetry/api";
import type { CallTarget } from "./grpc-call.ts";
import type { GrpcChannel } from "./grpc-channel.ts";
import { GrpcStream } from "./grpc-stream.ts";
import { callGrpc } from "./grpc-unary-call.ts";
import type { CallContext, Service, ServiceDefinition } from "./service.ts";

/** What a gRPC client may be given. */
export interface GrpcClientOptions {
  /** Makes a CLIENT span of every call that has a trace context. Left out: none. */
  readonly tracer?: Tracer;
}

const noContext: CallContext = {};

/** Makes a client that calls a service over gRPC. Every failure, also of the connection, is an `RpcError`. */
export function createGrpcClient<Definition extends ServiceDefinition>(
  definition: Definition,
  channel: GrpcChannel,
  options: GrpcClientOptions = {},
): Service<Definition> {
  const methods: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const methodName = `${definition.fullName}/${method.name}`;
    const target: CallTarget = { channel, methodName, path: `/${methodName}`, method, tracer: options.tracer };
    methods[key] = method.responseStream
      ? (request: unknown, context = noContext) => new GrpcStream(target, request, context)
      : (request: unknown, context = noContext) => callGrpc(target, request, context);
  }
  return methods as Service<Definition>;
}
