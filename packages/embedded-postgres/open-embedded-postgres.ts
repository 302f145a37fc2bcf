import { mkdirSync, realpathSync } from "node:fs";
import { createClusterIfAbsent, locateCluster, readPassword } from "./cluster.ts";
import type { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { prepareNativeTree } from "./native-tree.ts";
import { OpenedPostgres } from "./opened-postgres.ts";
import { takeOwnerLock } from "./owner-lock.ts";
import { startServer, stopLeftServer } from "./server.ts";

/** What the embedded Postgres reports to; a pino logger fits. */
export interface DatabaseLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Where the database lives, and who hears about it. */
export interface EmbeddedPostgresOptions {
  /** Made if absent. One process owns it at a time. */
  readonly dataDirectory: string;
  readonly logger?: DatabaseLogger;
}

/** A running Postgres of our own, reachable from this machine only. */
export interface EmbeddedPostgres {
  /** Holds the password: not for logs. */
  readonly databaseUrl: string;
  /** Resolves if the server that was started last ends without `close`; never otherwise, and never rejects. */
  readonly crashed: Promise<EmbeddedPostgresError>;
  /**
   * Starts the server again after it crashed, in the same folder and on the same port: `databaseUrl` stays good, and what
   * was committed is there. Throws `EmbeddedPostgresError`, one that is lost where the folder has another owner or holds
   * another database by now.
   */
  restart(): Promise<void>;
  /** Shuts down, waits for the last byte to be on disk, and frees the data directory. Calling it again is harmless. */
  close(): Promise<void>;
}

/**
 * Opens the Postgres that lives in `dataDirectory`, making it at first (about a second). A server that a killed owner
 * left behind is stopped first. Throws `EmbeddedPostgresError` where that cannot be, e.g. when a living process has it.
 */
export async function openEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o711 });
  const dataDirectory = realpathSync(options.dataDirectory);
  const lock = takeOwnerLock(dataDirectory);
  try {
    const place = locateCluster(dataDirectory);
    const native = prepareNativeTree(place.account);
    if (await stopLeftServer(place.folder)) {
      options.logger?.warn({ dataDirectory }, "stopped the database server that an earlier owner left running");
    }
    await createClusterIfAbsent(place, native);
    const log = (line: string) => options.logger?.debug({ line }, "database server");
    const server = await startServer({ place, native, log });
    options.logger?.info({ dataDirectory, port: server.port }, "embedded database is ready");
    return new OpenedPostgres({ place, native, log, lock, password: readPassword(place) }, server);
  } catch (error) {
    lock.release();
    throw error;
  }
}
