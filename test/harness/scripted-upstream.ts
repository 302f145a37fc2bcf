import { EventEmitter, once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { playStep } from "./play-step.ts";
import { chatCompletion, chatStream, scriptedUsage, type UpstreamStep } from "./upstream-steps.ts";

export {
  chatChunk,
  chatCompletion,
  chatStream,
  errorStep,
  htmlStep,
  redirectStep,
  scriptedUsage,
  sseEvent,
  type UpstreamStep,
} from "./upstream-steps.ts";

/** What the upstream saw of one request. The fields that tell how it ended change while it is under way. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Number of its connection, counted from 1: equal numbers mean that a connection was used again. */
  readonly connection: number;
  /** `performance.now()` when the whole request was there. */
  readonly receivedAtMs: number;
  /** Body bytes that were written so far. */
  writtenBytes: number;
  /** Whether the script of its answer ran to its end. */
  isAnswered: boolean;
  /** `performance.now()` when the client closed the connection before the answer's end; undefined while it has not. */
  abortedAtMs: number | undefined;
}

/** A step, or what makes one of the request that came. */
export type UpstreamScript = UpstreamStep | ((request: UpstreamRequest) => UpstreamStep);

/** A server on loopback that does to its clients what a test tells it to. */
export interface ScriptedUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
  /** The origin with `/v1`. */
  readonly baseUrl: string;
  readonly port: number;
  /** Every request that came whole, in order. */
  readonly requests: readonly UpstreamRequest[];
  /** Connections that are open now. */
  readonly openConnections: number;
  /** Adds steps: each request takes the first that is left. */
  next(...steps: readonly UpstreamScript[]): void;
  /** What is done when no step is left. At first: a healthy answer, streamed when the body asks for a stream. */
  otherwise(script: UpstreamScript): void;
  /** Waits until the condition holds; it is checked whenever something happens here, and often besides. Fails after `timeoutMs`, 10 s. */
  until(condition: (requests: readonly UpstreamRequest[]) => boolean, timeoutMs?: number): Promise<void>;
  /** Closes every connection from this side; new ones are taken. */
  closeConnections(): void;
  /** Closes every connection and the server. Idempotent. */
  close(): Promise<void>;
}

/** Starts a scripted upstream; `port` 0, the default, takes any free one. */
export async function startScriptedUpstream(options: { readonly port?: number } = {}): Promise<ScriptedUpstream> {
  const requests: UpstreamRequest[] = [];
  const steps: UpstreamScript[] = [];
  const connections = new Map<Socket, number>();
  const waiters = new Set<() => void>();
  let connectionCount = 0;
  let fallback: UpstreamScript = healthyStep;
  const notify = () => {
    for (const check of waiters) {
      check();
    }
  };
  const server = createServer({ keepAliveTimeout: 5_000 }, (incoming, response) => {
    void readRequest(incoming, connections.get(incoming.socket) ?? 0).then((request) => {
      if (request === undefined) {
        return;
      }
      requests.push(request);
      watchAbort(request, response, notify);
      const script = steps.shift() ?? fallback;
      notify();
      void playStep(typeof script === "function" ? script(request) : script, request, response).finally(notify);
    });
  });
  server.on("connection", (socket: Socket) => {
    connectionCount += 1;
    connections.set(socket, connectionCount);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      connections.delete(socket);
      notify();
    });
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const closeConnections = () => {
    for (const socket of connections.keys()) {
      socket.destroy();
    }
  };
  const close = async () => {
    if (server.listening) {
      server.close();
    }
    closeConnections();
    await Promise.resolve();
  };
  return {
    origin,
    baseUrl: `${origin}/v1`,
    port,
    requests,
    get openConnections() {
      return connections.size;
    },
    next: (...added) => void steps.push(...added),
    otherwise: (script) => {
      fallback = script;
    },
    until: (condition, timeoutMs = 10_000) => waitUntil(() => condition(requests), timeoutMs, waiters),
    closeConnections,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function waitUntil(condition: () => boolean, timeoutMs: number, waiters: Set<() => void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadlineMs = performance.now() + timeoutMs;
    const settle = (action: () => void) => {
      clearInterval(timer);
      waiters.delete(check);
      action();
    };
    const check = () => {
      if (condition()) {
        settle(resolve);
      } else if (performance.now() > deadlineMs) {
        settle(() => reject(new Error(`the upstream did not see what was waited for in ${timeoutMs} ms`)));
      }
    };
    const timer = setInterval(check, 5);
    waiters.add(check);
    check();
  });
}

/** A healthy answer: streamed where the body asks for a stream, with usage where it asks for it. */
export function healthyStep(request: UpstreamRequest): UpstreamStep {
  const text = request.body.toString();
  if (/"stream"\s*:\s*true/.test(text)) {
    return chatStream(/"include_usage"\s*:\s*true/.test(text) ? { usage: scriptedUsage } : {});
  }
  return chatCompletion();
}

async function readRequest(incoming: IncomingMessage, connection: number): Promise<UpstreamRequest | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) {
      chunks.push(chunk as Buffer);
    }
  } catch {
    return undefined;
  }
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers: incoming.headers,
    body: Buffer.concat(chunks),
    connection,
    receivedAtMs: performance.now(),
    writtenBytes: 0,
    isAnswered: false,
    abortedAtMs: undefined,
  };
}

function watchAbort(request: UpstreamRequest, response: ServerResponse, notify: () => void): void {
  response.on("close", () => {
    if (!request.isAnswered && !response.writableFinished) {
      request.abortedAtMs = performance.now();
    }
    notify();
  });
}

/** A loopback server that takes connections and never says a word: TLS handshakes with it hang. */
export interface SilentListener {
  readonly port: number;
  /** Waits until somebody is connected. */
  untilConnected(): Promise<void>;
  /** Waits until nobody is connected. */
  untilIdle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a listener that never speaks. */
export async function startSilentListener(): Promise<SilentListener> {
  const sockets = new Set<Socket>();
  const changed = new EventEmitter();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    changed.emit("change");
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      changed.emit("change");
    });
    socket.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    untilConnected: async () => {
      while (sockets.size === 0) {
        await once(changed, "change");
      }
    },
    untilIdle: async () => {
      while (sockets.size > 0) {
        await once(changed, "change");
      }
    },
    close: async () => {
      server.close();
      for (const socket of sockets) {
        socket.destroy();
      }
      await Promise.resolve();
    },
  };
}

/** A loopback port that nothing listens on, so that connections to it are refused. */
export async function findRefusingPort(): Promise<number> {
  const server = createSocketServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
