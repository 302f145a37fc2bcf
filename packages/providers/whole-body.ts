// Each chunk costs about this many bytes besides its own, so that many small ones are joined.
const mostChunks = 1024;

/** A body that is read whole. However small the chunks in which it comes, it takes little more memory than its own length. */
export class WholeBody {
  length = 0;
  #chunks: Buffer[] = [];
  #joined: Buffer[] | undefined;

  push(chunk: Buffer): void {
    this.length += chunk.length;
    this.#chunks.push(chunk);
    if (this.#chunks.length === mostChunks) {
      this.#joined ??= [];
      this.#joined.push(join(this.#chunks));
      this.#chunks = [];
    }
  }

  /** The bytes that have come; nothing is held after it. */
  take(): Buffer {
    const chunks = this.#joined === undefined ? this.#chunks : [...this.#joined, ...this.#chunks];
    this.length = 0;
    this.#chunks = [];
    this.#joined = undefined;
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  }
}

/** Unlike `Buffer.concat` it takes nothing from the pool, which would be kept alive with it. */
function join(chunks: readonly Buffer[]): Buffer {
  let length = 0;
  for (const chunk of chunks) {
    length += chunk.length;
  }
  const joined = Buffer.allocUnsafeSlow(length);
  let position = 0;
  for (const chunk of chunks) {
    position += chunk.copy(joined, position);
  }
  return joined;
}
