/** The embedded Postgres cannot run here. The message says what is wrong and what to do about it. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
  /** Whether the data directory is somebody else's: trying again must not help. */
  readonly isLost: boolean;

  constructor(message: string, options: { readonly cause?: unknown; readonly isLost?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.isLost = options.isLost ?? false;
  }
}

/** The way out that every message may offer: a Postgres that somebody else runs. */
export const useDatabaseUrl = "set DATABASE_URL to use a Postgres of your own";
