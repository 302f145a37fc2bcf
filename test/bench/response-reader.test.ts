import { expect, test } from "vitest";
import { ResponseReader } from "./response-reader.ts";

const byLength = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const byChunks =
  "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nb\r\n, my\r\n0\r\n\r\n\r\n0\r\n\r\n";
const empty = "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";

test.each([
  ["by length", byLength, 200],
  ["by chunks, with an end marker inside a chunk", byChunks, 502],
  ["without a body", empty, 204],
])("an answer %s is complete at its last byte, wherever it is split", (_name, text, status) => {
  const bytes = Buffer.from(text);
  for (let split = 0; split < bytes.length; split++) {
    const reader = new ResponseReader();
    for (const part of [bytes.subarray(0, split), bytes.subarray(split, -1)]) {
      expect(reader.push(part)).toBeUndefined();
    }
    expect(reader.push(bytes.subarray(-1))).toMatchObject({ status });
    expect(reader.push(bytes)).toMatchObject({ status });
  }
});
