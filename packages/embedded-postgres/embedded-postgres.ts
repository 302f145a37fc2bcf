import type { EmbeddedPostgresError } from "./embedded-postgres-error.ts";

/** A running Postgres of our own, reachable from this machine only. */
export interface EmbeddedPostgres {
  /** Holds the password: not for logs. */
  readonly databaseUrl: string;
  /**
   * Resolves if the server that was started last ends without `close`, or a second after somebody told it to take no new
   * sessions; never otherwise, and never rejects.
   */
  readonly crashed: Promise<EmbeddedPostgresError>;
  /**
   * Starts the server again after it crashed, and ends it first where it was only told to stop, in the same folder and on
   * the same port: `databaseUrl` stays good, and what was committed is there. Throws `EmbeddedPostgresError`, one that is
   * lost where the folder has another owner or holds another database by now.
   */
  restart(): Promise<void>;
  /** Shuts down, waits for the last byte to be on disk, and frees the data directory. Calling it again is harmless. */
  close(): Promise<void>;
}
