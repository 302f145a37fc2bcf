import type { configV1 } from "#contracts";

/** Tells watchers when there may be something to send. It holds one state and no queue, however slow a watcher is. */
export class ChangeFeed {
  readonly #listeners = new Set<() => void>();
  #revision = 0n;
  #fileStatus: configV1.ConfigFileStatus | undefined;
  #isDatabaseReachable = false;
  #isClosed = false;

  /** The newest revision that this process knows of. */
  get revision(): bigint {
    return this.#revision;
  }

  /** Present state of the declarative file; another object whenever it changed. */
  get fileStatus(): configV1.ConfigFileStatus | undefined {
    return this.#fileStatus;
  }

  get isDatabaseReachable(): boolean {
    return this.#isDatabaseReachable;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Calls the listener after every change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes notice of a revision; one that is not newer changes nothing. */
  advance(revision: bigint): void {
    if (revision > this.#revision) {
      this.#revision = revision;
      this.#wake();
    }
  }

  setFileStatus(status: configV1.ConfigFileStatus): void {
    this.#fileStatus = { ...status };
    this.#wake();
  }

  setDatabaseReachable(isReachable: boolean): void {
    if (isReachable !== this.#isDatabaseReachable) {
      this.#isDatabaseReachable = isReachable;
      this.#wake();
    }
  }

  /** Ends every watch. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }
}
