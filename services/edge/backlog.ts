import type { Socket } from "node:net";

/** How far the writes of a connection have come. Two that are alike say that nothing was taken between them. */
export interface Backlog {
  /** Bytes of all writes that are through. */
  readonly doneBytes: number;
  /** Bytes of the write under way that the kernel has not taken yet. */
  readonly queuedBytes: number;
}

/** What waits on a connection for its peer to read; undefined while nothing does. */
export function readBacklog(socket: Socket): Backlog | undefined {
  const { writableLength } = socket;
  if (writableLength === 0) {
    return undefined;
  }
  // Node counts a write only once the whole of it is through, and a large answer is one write; nothing public tells more.
  const { _handle } = socket as unknown as { readonly _handle: { readonly writeQueueSize: number } | null };
  return { doneBytes: socket.bytesWritten - writableLength, queuedBytes: _handle?.writeQueueSize ?? 0 };
}
