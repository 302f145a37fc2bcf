import { accessSync, constants, mkdirSync, realpathSync } from "node:fs";
import { createClusterIfAbsent, locateCluster, readPassword } from "./cluster.ts";
import type { EmbeddedPostgres } from "./embedded-postgres.ts";
import { EmbeddedPostgresError, useDatabaseUrl } from "./embedded-postgres-error.ts";
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

/**
 * Opens the Postgres that lives in `dataDirectory`, making it at first (about a second). A server that a killed owner
 * left behind is stopped first. Throws `EmbeddedPostgresError` where that cannot be, e.g. when a living process has it.
 */
export async function openEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDirectory = openDataDirectory(options.dataDirectory);
  const lock = takeOwnerLock(dataDirectory);
  try {
    const place = locateCluster(dataDirectory);
    const native = prepareNativeTree(place.account);
    if (await stopLeftServer(place.folder)) {
      options.logger?.warn({ dataDirectory }, "stopped the database server that an earlier owner left running");
    }
    await createClusterIfAbsent(place, native);
    const password = readPassword(place);
    const log = (line: string) => options.logger?.debug({ line }, "database server");
    const server = await startServer({ place, native, log });
    options.logger?.info({ dataDirectory, port: server.port }, "embedded database is ready");
    return new OpenedPostgres({ place, native, log, lock, password }, server);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openDataDirectory(wanted: string): string {
  try {
    mkdirSync(wanted, { recursive: true, mode: 0o711 });
    const dataDirectory = realpathSync(wanted);
    accessSync(dataDirectory, constants.W_OK | constants.X_OK);
    return dataDirectory;
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The data directory ${wanted} cannot be used (${(error as Error).message}): give it to the user who starts this, ` +
        `choose another data directory, or ${useDatabaseUrl}.`,
      { cause: error },
    );
  }
}
