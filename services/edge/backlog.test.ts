import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { readBacklog } from "./backlog.ts";

/** Both ends of a new connection; the peer does not read. */
async function openPair(): Promise<{ socket: Socket; peer: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  const [socket] = (await once(server, "connection")) as [Socket];
  onTestFinished(() => {
    socket.on("error", () => undefined).destroy();
    peer.destroy();
    server.close();
  });
  return { socket, peer };
}

/** Waits until the kernel takes no more. */
async function settle(socket: Socket): Promise<void> {
  let before: unknown;
  const isStill = () => {
    const backlog = readBacklog(socket);
    const isUnchanged = JSON.stringify(backlog) === JSON.stringify(before);
    before = backlog;
    return isUnchanged;
  };
  await expect.poll(isStill, { interval: 100 }).toBe(true);
}

const large = Buffer.alloc(64 * 1024 * 1024);

test("there is none where nothing was written, nor once all was taken", async () => {
  const { socket, peer } = await openPair();
  expect(readBacklog(socket)).toBeUndefined();
  socket.write(large);
  expect(readBacklog(socket)).toMatchObject({ doneBytes: 0, queuedBytes: expect.any(Number) });
  peer.resume();
  await expect.poll(() => readBacklog(socket)).toBeUndefined();
});

test("it changes with each part of one write that the peer takes, and not with what is written behind it", async () => {
  const { socket, peer } = await openPair();
  socket.write(large);
  await settle(socket);
  const before = readBacklog(socket);
  socket.write(Buffer.alloc(1000));
  socket.write("more");
  expect(readBacklog(socket)).toEqual(before);
  let taken = 0;
  peer.on("data", (part: Buffer) => {
    taken += part.length;
    if (taken > large.length / 2) {
      peer.pause();
    }
  });
  peer.resume();
  await expect.poll(() => readBacklog(socket)?.queuedBytes).toBeLessThan(before?.queuedBytes ?? 0);
  expect(readBacklog(socket)?.doneBytes).toBe(0);
  expect(taken).toBeLessThan(large.length);
});
