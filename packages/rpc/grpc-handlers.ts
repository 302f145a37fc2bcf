import type {
  ServiceDefinition as GrpcServiceDefinition,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Tracer } from "@opentelemetry/api";
import { bindCallees, type UnexpectedErrorListener } from "./callee.ts";
import type { OpenCalls } from "./open-calls.ts";
import { serveStream } from "./serve-stream.ts";
import { serveUnary } from "./serve-unary.ts";
import { ServedCall } from "./served-call.ts";
import type { Service, ServiceDefinition } from "./service.ts";

/** One service as a server carries it. */
export interface ServedService<Definition extends ServiceDefinition = ServiceDefinition> {
  readonly definition: Definition;
  readonly implementation: Service<Definition>;
  /** Keys of streaming methods that go on until somebody ends them, such as a watch: a drain ends their streams at once. */
  readonly endlessMethods?: readonly string[];
}

/** What every call of a server shares. */
export interface ServingOptions {
  readonly onUnexpectedError: UnexpectedErrorListener | undefined;
  /** Makes a SERVER span of every call but those of endless methods. */
  readonly tracer: Tracer | undefined;
  readonly openCalls: OpenCalls<ServedCall>;
}

/** What grpc-js needs to serve a service. Messages reach the handlers as bytes. */
export interface GrpcService {
  readonly definition: GrpcServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/** Puts an implementation behind gRPC. */
export function toGrpcHandlers<Definition extends ServiceDefinition>(
  { definition, implementation, endlessMethods = [] }: ServedService<Definition>,
  { onUnexpectedError, tracer, openCalls }: ServingOptions,
): GrpcService {
  const methods: Record<string, GrpcServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const [key, callee] of bindCallees(definition, implementation, onUnexpectedError)) {
    const options = { tracer, openCalls, isEndless: endlessMethods.includes(key) };
    const { responseStream } = callee.method;
    methods[key] = toBytesMethod(`/${callee.methodName}`, { requestStream: false, responseStream });
    handlers[key] = responseStream
      ? (wire: ServerWritableStream<Buffer, Buffer>) =>
          void serveStream(callee, new ServedCall(wire, callee, options), wire)
      : (wire: ServerUnaryCall<Buffer, Buffer>, send: sendUnaryData<Buffer>) =>
          void serveUnary(callee, new ServedCall(wire, callee, options), { request: wire.request, send });
  }
  return { definition: methods, handlers };
}

/** A method as grpc-js knows it, whose messages it leaves as bytes. */
export function toBytesMethod(
  path: string,
  streams: { readonly requestStream: boolean; readonly responseStream: boolean },
): GrpcServiceDefinition[string] {
  return {
    path,
    ...streams,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
