export {
  type ErrorDetail,
  errorDomain,
  invalidFields,
  type RpcCode,
  RpcError,
  type RpcErrorInit,
} from "./rpc-error.ts";
export type { CallContext, MessageCodec, Method, MethodDefinition, Service, ServiceDefinition } from "./service.ts";
