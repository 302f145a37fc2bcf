import { isIP, Socket } from "node:net";
import { buildConnector } from "undici";
import { BlockedAddressError, createPublicLookup, isPublicAddress } from "./outbound-guard.ts";

/** Makes the sockets of a pool. */
export type SocketConnector = buildConnector.connector;

/** Is told which socket is being connected. */
export type DialListener = (socket: Socket) => void;

// Only what bounds a connection that nobody waits for any more; each exchange has a precise timer of its own.
const abandonedConnectMs = 60_000;

/**
 * A connector that refuses addresses which are not public unless private networks are allowed, and tells the listener of
 * every socket while `dispatch` of a request is still on the stack, so that its exchange can end the connection attempt.
 */
export function createSocketConnector(allowPrivateNetworks: boolean, onDial: DialListener): SocketConnector {
  const connect = buildConnector({
    allowH2: false,
    timeout: abandonedConnectMs,
    ...(allowPrivateNetworks ? {} : { lookup: createPublicLookup() }),
  });
  return (options, callback) => {
    const { hostname } = options;
    if (!allowPrivateNetworks && isIP(hostname) !== 0 && !isPublicAddress(hostname)) {
      queueMicrotask(() => callback(new BlockedAddressError(`${hostname} is not a public address`), null));
      return;
    }
    // The declared result is void, yet the socket is what the connector gives.
    const socket: unknown = (connect as (...args: Parameters<SocketConnector>) => unknown)(options, callback);
    if (socket instanceof Socket) {
      onDial(socket);
    }
  };
}
