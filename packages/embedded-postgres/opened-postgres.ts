import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { readPassword, superuser } from "./cluster.ts";
import type { EmbeddedPostgres } from "./embedded-postgres.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import type { OwnerLock } from "./owner-lock.ts";
import { type PostgresServer, type ServerStart, startServer, stopLeftServer } from "./server.ts";

// Whoever stops the whole group of processes stops us too, and then sessions are to end by themselves.
const softStopMs = 1_000;

/** What a server was started with, and with what it is started again. */
export interface OpenedParts extends Omit<ServerStart, "port" | "signal"> {
  readonly lock: OwnerLock;
  readonly password: string;
}

/** A database whose server runs, or crashed and may be started again. It must be closed. */
export class OpenedPostgres implements EmbeddedPostgres {
  readonly databaseUrl: string;
  readonly #parts: OpenedParts;
  readonly #port: number;
  #server: PostgresServer;
  #crashed: Promise<EmbeddedPostgresError>;
  #restarting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  constructor(parts: OpenedParts, server: PostgresServer) {
    this.databaseUrl = `postgres://${superuser}:${parts.password}@127.0.0.1:${server.port}/postgres`;
    this.#parts = parts;
    this.#port = server.port;
    this.#server = server;
    this.#crashed = this.#watch(server);
  }

  get crashed(): Promise<EmbeddedPostgresError> {
    return this.#crashed;
  }

  restart(): Promise<void> {
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #restart(): Promise<void> {
    if (this.#closing !== undefined) {
      throw new EmbeddedPostgresError("The embedded Postgres was closed.");
    }
    const { place, lock } = this.#parts;
    // Made anew it would be an empty one.
    if (!existsSync(place.folder)) {
      throw new EmbeddedPostgresError(`The database folder ${place.folder} is gone.`);
    }
    // Before anything is touched: whatever runs in the folder of another owner is that one's.
    lock.keep();
    if (readPassword(place) !== this.#parts.password) {
      throw new EmbeddedPostgresError(`The folder ${place.folder} holds another database by now.`, { isLost: true });
    }
    await stopLeftServer(place.folder);
    this.#server = await startServer({ ...this.#parts, port: this.#port, signal: this.#closed.signal });
    this.#crashed = this.#watch(this.#server);
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    await this.#restarting?.catch(() => {});
    await this.#server.stop().finally(() => this.#parts.lock.release());
  }

  /** A server that waits for its sessions to end may do so for ever, and takes no new ones. */
  async #watch({ ended, softStopped }: PostgresServer): Promise<EmbeddedPostgresError> {
    const toldToStop = softStopped.then(async () => {
      await delay(softStopMs, undefined, { ref: false });
      return "it was told to";
    });
    const how = await Promise.race([ended, toldToStop]);
    if (this.#closing !== undefined) {
      return new Promise(() => {});
    }
    return new EmbeddedPostgresError(`The embedded Postgres stopped by itself: ${how}`);
  }
}
