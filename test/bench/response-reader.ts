/** What is known of an answer when it is complete. */
export interface CompleteAnswer {
  readonly status: number;
  readonly bodyBytes: number;
}

const endOfHead = Buffer.from("\r\n\r\n");
const endOfLine = Buffer.from("\r\n");

/** Tells where HTTP/1.1 answers end on one connection, by length or by chunks, and no more. It is cheap. */
export class ResponseReader {
  #held: Buffer = Buffer.alloc(0);
  #status = 0;
  #bodyBytes = 0;
  /** What comes next; `skip` stands for bytes of which `#left` are still to come. */
  #state: "head" | "length" | "size" | "chunk" | "trailer" = "head";
  #left = 0;

  /** Takes bytes as they come. Returns the answer that they complete; a further answer must not follow in them. */
  push(bytes: Buffer): CompleteAnswer | undefined {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    while (this.#step()) {
      if (this.#state === "head") {
        return { status: this.#status, bodyBytes: this.#bodyBytes };
      }
    }
    return undefined;
  }

  /** Goes on by one piece; false when more bytes are needed. */
  #step(): boolean {
    switch (this.#state) {
      case "head":
        return this.#readHead();
      case "length":
        return this.#skip("head");
      case "size":
        return this.#readSize();
      case "chunk":
        return this.#skip("size");
      case "trailer":
        return this.#skip("head");
    }
  }

  #readHead(): boolean {
    const end = this.#held.indexOf(endOfHead);
    if (end < 0) {
      return false;
    }
    const head = this.#held.toString("latin1", 0, end);
    this.#held = this.#held.subarray(end + endOfHead.length);
    this.#status = Number(head.slice(9, 12));
    this.#bodyBytes = 0;
    const length = /content-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined && !/transfer-encoding: *chunked/i.test(head)) {
      throw new Error(`no length in ${head}`);
    }
    this.#state = length === undefined ? "size" : "length";
    this.#left = Number(length ?? 0);
    return true;
  }

  #readSize(): boolean {
    const end = this.#held.indexOf(endOfLine);
    if (end < 0) {
      return false;
    }
    const size = Number.parseInt(this.#held.toString("latin1", 0, end), 16);
    this.#held = this.#held.subarray(end + endOfLine.length);
    this.#left = size + endOfLine.length;
    this.#state = size === 0 ? "trailer" : "chunk";
    return true;
  }

  #skip(next: "head" | "size"): boolean {
    const taken = Math.min(this.#left, this.#held.length);
    this.#held = this.#held.subarray(taken);
    this.#bodyBytes += taken;
    this.#left -= taken;
    if (this.#left > 0) {
      return false;
    }
    this.#state = next;
    return true;
  }
}
