// The load: so many connections, each with one request after the other. On bare sockets, to cost little.
import { connect, type Socket } from "node:net";
import type { LoadOrder, LoadResult } from "./load.ts";
import { ResponseReader } from "./response-reader.ts";

interface Connection {
  readonly socket: Socket;
  readonly send: () => void;
}

class Window {
  readonly #order: LoadOrder;
  readonly #request: Buffer;
  readonly #whenDone: (result: LoadResult) => void;
  readonly #latenciesMs: number[] = [];
  readonly #endsAtMs: number;
  readonly #startedAtMs = performance.now();
  #failed = 0;
  #firstFailure: string | undefined;
  #busy: number;

  constructor(order: LoadOrder, whenDone: (result: LoadResult) => void) {
    this.#order = order;
    this.#whenDone = whenDone;
    this.#request = toRequest(order);
    this.#endsAtMs = this.#startedAtMs + order.durationMs;
    this.#busy = order.connections;
    for (let index = 0; index < order.connections; index++) {
      this.#open().send();
    }
  }

  #open(): Connection {
    const reader = new ResponseReader();
    const socket = connect({ port: this.#order.port, host: "127.0.0.1", noDelay: true });
    let sentAtMs = 0;
    const send = () => {
      sentAtMs = performance.now();
      socket.write(this.#request);
    };
    socket.on("data", (bytes) => {
      const answer = reader.push(bytes);
      if (answer === undefined) {
        return;
      }
      const nowMs = performance.now();
      if (answer.status === 200) {
        this.#latenciesMs.push(nowMs - sentAtMs);
      } else {
        this.#fail(`status ${answer.status}`);
      }
      if (nowMs < this.#endsAtMs) {
        send();
      } else {
        socket.destroy();
        this.#leave();
      }
    });
    socket.on("error", (error) => {
      this.#fail(error.message);
      this.#leave();
    });
    return { socket, send };
  }

  #fail(reason: string): void {
    this.#failed++;
    this.#firstFailure ??= reason;
  }

  #leave(): void {
    this.#busy--;
    if (this.#busy > 0) {
      return;
    }
    const elapsedMs = performance.now() - this.#startedAtMs;
    const sorted = this.#latenciesMs.sort((one, other) => one - other);
    this.#whenDone({
      completed: sorted.length,
      failed: this.#failed,
      firstFailure: this.#firstFailure,
      elapsedMs,
      medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0,
    });
  }
}

function toRequest({ headers, body }: LoadOrder): Buffer {
  const lines = Object.entries({ host: "127.0.0.1", "content-type": "application/json", ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\n${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

process.on("message", (order: LoadOrder | string) => {
  if (typeof order === "object") {
    new Window(order, (result) => process.send?.(result));
  }
});
// Between two windows nothing else keeps this process alive.
process.channel?.ref();
