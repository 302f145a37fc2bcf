import { connect } from "node:net";

/** Writes to a new connection and reads until the edge closes it. */
export function exchangeRaw(port: number, ...parts: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let received = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      received += text;
    });
    socket.on("end", () => resolve(received)).on("error", reject);
    for (const part of parts) {
      socket.write(part);
    }
  });
}

/** A chat request as it goes over the wire. */
export function toRawChat(body: string): string {
  const length = Buffer.byteLength(body);
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`;
}
