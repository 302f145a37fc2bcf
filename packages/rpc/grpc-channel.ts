import { Channel, type ChannelInterface, type ChannelOptions, connectivityState, credentials } from "@grpc/grpc-js";
import { unreachableError } from "./call-errors.ts";
import type { PeerName } from "./call-span.ts";
import { toGrpcMessageLimit } from "./message-limit.ts";
import type { RpcError } from "./rpc-error.ts";
import { silenceGrpcLog } from "./silence-grpc-log.ts";

/** How to reach a server. */
export interface GrpcChannelOptions {
  /** `host:port`, `dns:///host:port` (spreads calls over all its addresses) or `unix:/absolute/path`. */
  readonly address: string;
  /** What errors call the server, e.g. `routing service`. Default `service`. Addresses are in no error. */
  readonly serviceName?: string;
  /**
   * Hears why the server cannot be reached, once until it answers again. There are addresses in it: it is for logs, not for
   * callers.
   */
  readonly onUnreachable?: (reason: string) => void;
  /** Milliseconds that a call waits for a connection before it fails with UNAVAILABLE. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** Longest payload of a message in bytes, either way. Default and least 64 MiB. */
  readonly maxMessageBytes?: number;
}

/** One wire call, as grpc-js makes it. */
export type WireCall = ReturnType<ChannelInterface["createCall"]>;

/** A connection to a server that is made when first needed, and again when it was lost. It must be closed. */
export class GrpcChannel {
  readonly address: string;
  readonly connectTimeoutMs: number;
  /** The server's name for spans. */
  readonly peer: PeerName;
  readonly #channel: ChannelInterface;
  readonly #serviceName: string;
  readonly #onUnreachable: ((reason: string) => void) | undefined;
  #isTold = false;
  #isClosed = false;

  constructor(options: GrpcChannelOptions) {
    this.address = options.address;
    this.connectTimeoutMs = options.connectTimeoutMs ?? 5000;
    this.peer = toPeerName(options.address);
    this.#serviceName = options.serviceName ?? "service";
    this.#onUnreachable = options.onUnreachable;
    this.#channel = new Channel(options.address, credentials.createInsecure(), toChannelOptions(options));
  }

  /** Whether a connection is there; begins to make one where none is. */
  isConnected(): boolean {
    return !this.#isClosed && this.#channel.getConnectivityState(true) === connectivityState.READY;
  }

  /** Opens a call that has not been started. Throws UNAVAILABLE after `close`. */
  openCall(path: string, deadlineAtMs: number | undefined): WireCall {
    // grpc-js itself would connect anew.
    if (this.#isClosed) {
      throw unreachableError(this.#serviceName, `the channel to ${this.address} is closed`);
    }
    return this.#channel.createCall(path, deadlineAtMs ?? Number.POSITIVE_INFINITY, undefined, null, undefined);
  }

  /** The error of a call that the connection failed. */
  fail(reason: string): RpcError {
    if (!this.#isTold) {
      this.#isTold = true;
      this.#onUnreachable?.(reason);
    }
    return unreachableError(this.#serviceName, reason);
  }

  /** The server answered: the next failure of the connection is news. */
  noteAnswer(): void {
    this.#isTold = false;
  }

  /** Closes the connection; calls that are under way fail. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#channel.close();
  }
}

/** Makes a channel. Nothing is connected until the first call. */
export function createGrpcChannel(options: GrpcChannelOptions): GrpcChannel {
  silenceGrpcLog();
  return new GrpcChannel(options);
}

function toChannelOptions(options: GrpcChannelOptions): ChannelOptions {
  const limit = toGrpcMessageLimit(options.maxMessageBytes);
  return {
    "grpc.max_receive_message_length": limit,
    "grpc.max_send_message_length": limit,
    // grpc-js honours the proxy variables even for loopback addresses.
    "grpc.enable_http_proxy": 0,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    // The default lets a client wait two minutes before it tries a restarted server again.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2000,
    ...(options.address.startsWith("dns:")
      ? { "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }) }
      : {}),
  };
}

function toPeerName(address: string): PeerName {
  const name = address.replace(/^dns:\/*/, "");
  const [, host, port] = /^(.*):(\d+)$/.exec(name) ?? [];
  return address.startsWith("unix:") || host === undefined
    ? { address: name, port: undefined }
    : { address: host, port: Number(port) };
}
