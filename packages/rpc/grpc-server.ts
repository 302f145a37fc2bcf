import { lstatSync, rmSync } from "node:fs";
import { setImmediate, setTimeout } from "node:timers/promises";
import { Server, ServerCredentials, type ServerDuplexStream, type ServerOptions } from "@grpc/grpc-js";
import type { Tracer } from "@opentelemetry/api";
import { grpcStandard, readDescriptorImage } from "#contracts";
import { drainingError } from "./call-errors.ts";
import type { UnexpectedErrorListener } from "./callee.ts";
import { DescriptorIndex } from "./descriptor-index.ts";
import { type ServedService, toGrpcHandlers } from "./grpc-handlers.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { HealthService } from "./health-service.ts";
import { toGrpcMessageLimit } from "./message-limit.ts";
import { OpenCalls } from "./open-calls.ts";
import { toReflectionServices } from "./reflection.ts";
import type { ServedCall } from "./served-call.ts";
import type { ServiceDefinition } from "./service.ts";
import { silenceGrpcLog } from "./silence-grpc-log.ts";

/** What a server serves, and where. */
export interface GrpcServerOptions<Definitions extends readonly ServiceDefinition[]> {
  /** Host name or address to listen on, or `unix:/absolute/path`. */
  readonly host: string;
  /** 0: any free port. Not used with a unix socket. */
  readonly port: number;
  readonly services: readonly [...{ [Index in keyof Definitions]: ServedService<Definitions[Index]> }];
  /** Longest payload of a message in bytes, either way. Default and least 64 MiB. */
  readonly maxMessageBytes?: number;
  /** Makes a SERVER span of every call but those of endless methods, health and reflection. Left out: none. */
  readonly tracer?: Tracer;
  /** Hears of errors that are not `RpcError`; callers see only INTERNAL. */
  readonly onUnexpectedError?: UnexpectedErrorListener;
}

/** How long calls that the end of the grace broke off may take to tell their callers. */
const farewellMs = 250;

/** A running server. It must be drained. */
export class GrpcServer {
  /** Port that it listens on; 0 for a unix socket. */
  readonly port: number;
  /** What a channel is given to reach it. */
  readonly address: string;
  readonly #server: Server;
  readonly #health: HealthService;
  readonly #openCalls: OpenCalls<ServedCall>;
  readonly #openReflections: ReadonlySet<ServerDuplexStream<Buffer, Buffer>>;
  #draining: Promise<void> | undefined;

  /** Use `startGrpcServer`. */
  constructor(parts: ServerParts, address: string, port: number) {
    this.#server = parts.server;
    this.#health = parts.health;
    this.#openCalls = parts.openCalls;
    this.#openReflections = parts.openReflections;
    this.address = address;
    this.port = port;
  }

  /** Sets what health tells of all services. They begin as serving. */
  setServing(isServing: boolean): void {
    this.#health.setServing(isServing);
  }

  /**
   * Stops: health says NOT_SERVING, endless streams end with UNAVAILABLE, no new connection is taken, and what is under way
   * has `graceMs` to finish before it ends with UNAVAILABLE too. Resolves when all is closed. Idempotent.
   */
  drain(graceMs: number): Promise<void> {
    this.#draining ??= this.#drain(graceMs);
    return this.#draining;
  }

  async #drain(graceMs: number): Promise<void> {
    this.setServing(false);
    // Whoever watches the health hears of it before the watch ends.
    await setImmediate();
    for (const call of this.#openCalls) {
      if (call.isEndless) {
        call.endEarly(drainingError());
      }
    }
    for (const stream of this.#openReflections) {
      stream.emit("error", toGrpcStatus(drainingError()));
    }
    const stopWaiting = new AbortController();
    const closed = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve())).finally(() =>
      stopWaiting.abort(),
    );
    await Promise.race([closed, pause(graceMs, stopWaiting.signal)]);
    for (const call of this.#openCalls) {
      call.endEarly(drainingError());
    }
    await Promise.race([closed, pause(farewellMs, stopWaiting.signal)]);
    this.#server.forceShutdown();
  }
}

interface ServerParts {
  readonly server: Server;
  readonly health: HealthService;
  readonly openCalls: OpenCalls<ServedCall>;
  readonly openReflections: Set<ServerDuplexStream<Buffer, Buffer>>;
}

/** Starts a server that also answers health and reflection. Rejects when the address cannot be had. */
export async function startGrpcServer<const Definitions extends readonly ServiceDefinition[]>(
  options: GrpcServerOptions<Definitions>,
): Promise<GrpcServer> {
  silenceGrpcLog();
  const parts = createServer(options);
  const isSocket = options.host.startsWith("unix:");
  if (isSocket) {
    removeStaleSocket(options.host.replace(/^unix:(\/\/)?/, ""));
  }
  const host = options.host.includes(":") && !isSocket ? `[${options.host}]` : options.host;
  const target = isSocket ? options.host : `${host}:${options.port}`;
  const port = await listen(parts.server, target);
  return isSocket ? new GrpcServer(parts, target, 0) : new GrpcServer(parts, `${host}:${port}`, port);
}

function createServer<Definitions extends readonly ServiceDefinition[]>(
  options: GrpcServerOptions<Definitions>,
): ServerParts {
  const services: readonly ServedService[] = options.services;
  const names = services.map(({ definition }) => definition.fullName);
  const server = new Server(toServerOptions(options.maxMessageBytes));
  allowManyResets(server);
  const openCalls = new OpenCalls<ServedCall>();
  const openReflections = new Set<ServerDuplexStream<Buffer, Buffer>>();
  const { onUnexpectedError, tracer } = options;
  for (const service of services) {
    const { definition, handlers } = toGrpcHandlers(service, { onUnexpectedError, tracer, openCalls });
    server.addService(definition, handlers);
  }
  const definition = grpcStandard.healthV1.HealthDefinition;
  const health = new HealthService(names);
  const served = toGrpcHandlers(
    { definition, implementation: health, endlessMethods: ["watch"] },
    { onUnexpectedError, tracer: undefined, openCalls },
  );
  server.addService(served.definition, served.handlers);
  let index: DescriptorIndex | undefined;
  const describe = () => {
    index ??= new DescriptorIndex(readDescriptorImage());
    return index;
  };
  const reflected = { serviceNames: [...names, definition.fullName], describe, openStreams: openReflections };
  for (const each of toReflectionServices(reflected)) {
    server.addService(each.definition, each.handlers);
  }
  return { server, health, openCalls, openReflections };
}

/**
 * Node breaks a connection, with every call on it, of which 1000 calls at once or 33 a second are cancelled: that many callers may
 * well leave. grpc-js has no option for it and hands these to Node.
 */
function allowManyResets(server: Server): void {
  const { commonServerOptions } = server as unknown as { readonly commonServerOptions: object };
  Object.assign(commonServerOptions, { streamResetBurst: 100_000, streamResetRate: 10_000 });
}

function toServerOptions(maxMessageBytes: number | undefined): ServerOptions {
  const limit = toGrpcMessageLimit(maxMessageBytes);
  return {
    "grpc.max_receive_message_length": limit,
    "grpc.max_send_message_length": limit,
    "grpc.enable_channelz": 0,
    // Finds clients that vanished without a word, so that their calls are cancelled.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
  };
}

function listen(server: Server, target: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) {
        resolve(port);
      } else {
        reject(new Error(`cannot listen on ${target}: ${error.message}`, { cause: error }));
      }
    });
  });
}

/** A socket that a process left behind when it was killed would keep the address taken. */
function removeStaleSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) {
    rmSync(path);
  }
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return setTimeout(delayMs, undefined, { signal }).catch(() => undefined);
}
