import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { type CallSignal, RpcError } from "#rpc";
import { postChat, startTestEdge, streamHead, toChatBody, toStreamData } from "./testing/start-test-edge.ts";

const streamBody = toChatBody({ stream: true });

test("requests that run are finished, and new connections are refused", async () => {
  const answer = Promise.withResolvers<void>();
  const edge = await startTestEdge({
    invoke: async () => {
      await answer.promise;
      return { body: Buffer.from("{}"), contentType: "application/json", trail: undefined };
    },
  });
  const running = postChat(edge.url, toChatBody());
  await expect.poll(() => edge.calls).toHaveLength(1);
  const drained = edge.drain(10_000);
  await expect(postChat(edge.url, toChatBody())).rejects.toThrow();
  answer.resolve();
  const response = await running;
  expect(response.status).toBe(200);
  expect(response.headers.get("connection")).toBe("close");
  await drained;
});

test("a request whose headers come in while the edge drains is told 503 and to close", async () => {
  const edge = await startTestEdge();
  const socket = connect(edge.port, "127.0.0.1").setEncoding("utf8");
  socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n");
  await postChat(edge.url, toChatBody());
  const drained = edge.drain(10_000);
  const answer = new Promise<string>((resolve) => socket.once("data", resolve));
  socket.write("\r\n");
  expect(await answer).toMatch(/^HTTP\/1.1 503 .*connection: close.*"code":"draining"/s);
  await drained;
});

test("what still runs after the grace is cancelled and told so", async () => {
  const cancelled = vi.fn();
  const untilCancelled = (signal: CallSignal | undefined) =>
    new Promise<never>((_resolve, reject) => {
      signal?.addEventListener("abort", () => {
        cancelled();
        reject(new RpcError({ code: "CANCELLED", reason: "CANCELLED", message: "Cancelled." }));
      });
    });
  const edge = await startTestEdge({
    invoke: ({ context }) => untilCancelled(context.signal),
    async *stream({ context }) {
      yield streamHead;
      yield toStreamData("{}");
      await untilCancelled(context.signal);
    },
  });
  const unary = postChat(edge.url, toChatBody());
  const stream = await postChat(edge.url, streamBody);
  await expect.poll(() => edge.calls).toHaveLength(2);
  await edge.drain(50);
  expect(cancelled).toHaveBeenCalledTimes(2);
  expect((await unary).status).toBe(503);
  expect(await (await unary).json()).toMatchObject({ error: { code: "draining" } });
  expect(await stream.text()).toMatch(/data: \{\}\n\ndata: \{"error":.*"code":"draining".*\}\n\n$/);
  expect(edge.logLines.at(-1)).toMatchObject({ fields: { cutOff: 2 } });
});

test("an idle edge drains at once, twice if asked", async () => {
  const edge = await startTestEdge();
  await (await postChat(edge.url, toChatBody())).text();
  const startedAtMs = performance.now();
  await Promise.all([edge.drain(10_000), edge.drain(10_000), edge.close()]);
  expect(performance.now() - startedAtMs).toBeLessThan(2_000);
});

test("a connection on which nothing was asked does not hold the drain up", async () => {
  const edge = await startTestEdge();
  const socket = connect(edge.port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await postChat(edge.url, toChatBody());
  const startedAtMs = performance.now();
  await edge.drain(10_000);
  await closed;
  expect(performance.now() - startedAtMs).toBeLessThan(5000);
});
