import {
  Channel,
  type ChannelCredentials,
  type ChannelInterface,
  type ChannelOptions,
  connectivityState,
  credentials,
} from "@grpc/grpc-js";
import { unavailableError } from "./call-errors.ts";
import type { PeerName } from "./call-span.ts";
import { toGrpcMessageLimit } from "./message-limit.ts";
import { silenceGrpcLog } from "./silence-grpc-log.ts";

/** What a client needs for TLS. All of it is PEM. */
export interface GrpcClientTls {
  /** Certificates that the server's must lead to; the ones that Node knows when left out. */
  readonly ca?: Buffer;
  /** The client's own key and certificate, where the server asks for one. Both or none. */
  readonly key?: Buffer;
  readonly cert?: Buffer;
}

/** How to reach a server. */
export interface GrpcChannelOptions {
  /** `host:port`, `dns:///host:port` (spreads calls over all its addresses) or `unix:/absolute/path`. */
  readonly address: string;
  /** Left out: no TLS. */
  readonly tls?: GrpcClientTls;
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
  #isClosed = false;

  constructor(options: GrpcChannelOptions) {
    this.address = options.address;
    this.connectTimeoutMs = options.connectTimeoutMs ?? 5000;
    this.peer = toPeerName(options.address);
    this.#channel = new Channel(options.address, toCredentials(options.tls), toChannelOptions(options));
  }

  /** Whether a connection is there; begins to make one where none is. */
  isConnected(): boolean {
    return !this.#isClosed && this.#channel.getConnectivityState(true) === connectivityState.READY;
  }

  /** Opens a call that has not been started. Throws UNAVAILABLE after `close`. */
  openCall(path: string, deadlineAtMs: number | undefined): WireCall {
    // grpc-js itself would connect anew.
    if (this.#isClosed) throw unavailableError(`the channel to ${this.address} is closed`);
    return this.#channel.createCall(path, deadlineAtMs ?? Number.POSITIVE_INFINITY, undefined, null, undefined);
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

function toCredentials(tls: GrpcClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
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
