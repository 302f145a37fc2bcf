/** The embedded Postgres cannot run here. The message says what is wrong and what to do about it. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
}

/** The way out that every message may offer: a Postgres that somebody else runs. */
export const useDatabaseUrl = "set DATABASE_URL to use a Postgres of your own";
