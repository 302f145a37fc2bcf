// An upstream that is not the bottleneck: it answers on bare sockets, and costs a fraction of what an HTTP server does.

import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";

const chunkCount = 64;
const chunkGapMs = 2;
const answerBytes = 1024;

const unaryAnswer = toUnaryAnswer();
const streamHead = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n",
);
const streamPieces = toStreamPieces();
const emptyAnswer = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n");
const endOfHead = Buffer.from("\r\n\r\n");
const endOfChunks = Buffer.from("\r\n0\r\n\r\n");

/** Streams under way and the piece that comes next in each. */
const streams = new Map<Socket, number>();

setInterval(() => {
  for (const [socket, index] of streams) {
    const piece = streamPieces[index];
    if (piece === undefined || socket.destroyed) {
      streams.delete(socket);
    } else {
      socket.write(piece);
      streams.set(socket, index + 1);
    }
  }
}, chunkGapMs);

const server = createServer({ noDelay: true }, (socket) => {
  let held: Buffer = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    for (let length = requestLength(held); length > 0; length = requestLength(held)) {
      answer(socket, held.subarray(0, length));
      held = held.subarray(length);
    }
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => streams.delete(socket));
});

server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));

function answer(socket: Socket, request: Buffer): void {
  if (request.includes("POST /v1/traces")) {
    socket.write(emptyAnswer);
  } else if (request.includes('"stream":true')) {
    socket.write(streamHead);
    streams.set(socket, 0);
  } else {
    socket.write(unaryAnswer);
  }
}

/** Bytes of the first request in a buffer; 0 while it is not whole. */
function requestLength(held: Buffer): number {
  const headLength = held.indexOf(endOfHead) + endOfHead.length;
  if (headLength < endOfHead.length) {
    return 0;
  }
  const head = held.toString("latin1", 0, headLength);
  const declared = /content-length: (\d+)/i.exec(head)?.[1];
  if (declared === undefined && /transfer-encoding: chunked/i.test(head)) {
    const end = held.indexOf(endOfChunks, headLength);
    return end < 0 ? 0 : end + endOfChunks.length;
  }
  const length = headLength + Number(declared ?? 0);
  return held.length < length ? 0 : length;
}

function toUnaryAnswer(): Buffer {
  const completion = (content: string) =>
    JSON.stringify({
      id: "chatcmpl-bench",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "bench-model",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      usage: { prompt_tokens: 200, completion_tokens: 180, total_tokens: 380 },
    });
  const body = completion("x".repeat(answerBytes - completion("").length));
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function toStreamPieces(): Buffer[] {
  const event = (delta: object, finishReason: string | null) => {
    const chunk = {
      id: "chatcmpl-bench",
      object: "chat.completion.chunk",
      created: 1_700_000_000,
      model: "bench-model",
      choices: [{ index: 0, delta, finish_reason: finishReason }],
    };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  };
  const frame = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
  const pieces = Array.from({ length: chunkCount - 1 }, (_, index) =>
    frame(event({ content: ` word ${index}` }, null)),
  );
  // The last chunk comes with the end marker and the end of the body, as providers send them.
  pieces.push(`${frame(event({}, "stop"))}${frame("data: [DONE]\n\n")}0\r\n\r\n`);
  return pieces.map((piece) => Buffer.from(piece));
}
