import { hash, randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { configV1 } from "#contracts";
import type { Logger } from "#runtime";

const magic = Buffer.from("spillway snapshot 1\n");
const hashBytes = 32;

/** A configuration as the disk held it. */
export interface SavedConfig {
  readonly revision: bigint;
  readonly snapshot: configV1.Snapshot;
  /** When it was written, in milliseconds since the epoch. */
  readonly savedAtMs: number;
}

/** The last good configuration on disk, with its secrets still encrypted, so that a start needs no config service. */
export class SnapshotFile {
  readonly #path: string;
  readonly #logger: Logger;
  #next: (() => configV1.WatchConfigResponse) | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** What was saved; undefined when there is nothing, or nothing that can be used, which is logged. */
  async read(): Promise<SavedConfig | undefined> {
    try {
      const [bytes, { mtimeMs }] = await Promise.all([readFile(this.#path), stat(this.#path)]);
      return { ...decode(bytes), savedAtMs: mtimeMs };
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") {
        this.#logger.warn({ error: thrown, path: this.#path }, "the saved configuration cannot be used and is ignored");
      }
      return undefined;
    }
  }

  /** Saves a configuration soon. Of several in a row only the last is sure to be written. A failure is logged. */
  save(revision: bigint, toMessage: () => configV1.Snapshot): void {
    this.#next = () => ({
      ...configV1.WatchConfigResponse.fromPartial({}),
      revision,
      event: { $case: "snapshot", value: toMessage() },
    });
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Later, so that a change that is being applied is in force before it is encoded.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#next !== undefined) {
      const toMessage = this.#next;
      this.#next = undefined;
      try {
        await replaceFile(this.#path, encode(toMessage()));
      } catch (thrown) {
        this.#logger.warn({ error: thrown, path: this.#path }, "the configuration cannot be saved to disk");
      }
    }
    this.#writing = undefined;
  }
}

function encode(message: configV1.WatchConfigResponse): Buffer {
  const payload = configV1.WatchConfigResponse.encode(message).finish();
  return Buffer.concat([magic, hash("sha256", payload, "buffer"), payload]);
}

function decode(bytes: Buffer): Omit<SavedConfig, "savedAtMs"> {
  const payload = bytes.subarray(magic.length + hashBytes);
  const found = bytes.subarray(magic.length, magic.length + hashBytes);
  if (!bytes.subarray(0, magic.length).equals(magic) || !hash("sha256", payload, "buffer").equals(found)) {
    throw new Error("the file is not a whole snapshot");
  }
  const { revision, event } = configV1.WatchConfigResponse.decode(payload);
  if (event?.$case !== "snapshot") {
    throw new Error("the file holds no snapshot");
  }
  return { revision, snapshot: event.value };
}

async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const newPath = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(newPath, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(newPath, path);
  } catch (thrown) {
    await rm(newPath, { force: true });
    throw thrown;
  }
}
