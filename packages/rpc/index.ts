export { cancelledError, drainingError } from "./call-errors.ts";
export { type CallSignal, LightSignal } from "./call-signal.ts";
export type { UnexpectedErrorListener } from "./callee.ts";
export { createGrpcChannel, type GrpcChannel, type GrpcChannelOptions } from "./grpc-channel.ts";
export { createGrpcClient, type GrpcClientOptions } from "./grpc-client.ts";
export type { ServedService } from "./grpc-handlers.ts";
export { type GrpcServer, type GrpcServerOptions, startGrpcServer } from "./grpc-server.ts";
export { createInProcessClient, type InProcessClientOptions } from "./in-process-client.ts";
export { type OpenCall, OpenCalls } from "./open-calls.ts";
export {
  type ErrorDetail,
  errorDomain,
  invalidFields,
  type RpcCode,
  RpcError,
  type RpcErrorInit,
} from "./rpc-error.ts";
export type { CallContext, MessageCodec, Method, MethodDefinition, Service, ServiceDefinition } from "./service.ts";
