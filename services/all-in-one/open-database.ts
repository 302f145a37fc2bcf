import { openEmbeddedPostgres } from "#embedded-postgres";
import type { HiddenText, ProgramRun, SettingsTable } from "#runtime";
import { keepDatabaseRunning } from "./keep-database-running.ts";

/** A Postgres to work with. */
export interface Database {
  /** With a password in it: not for logs. */
  readonly url: string;
  /** Where it is, for people. */
  readonly place: string;
}

/**
 * The Postgres of `DATABASE_URL`, or else an embedded one, which is started again when it ends by itself, and closed at
 * shutdown. The program fails when it must not be started again.
 */
export async function openDatabase(
  databaseUrl: HiddenText | undefined,
  dataDirectory: string,
  { logger, shutdown, fail }: Pick<ProgramRun<SettingsTable>, "logger" | "shutdown" | "fail">,
): Promise<Database> {
  if (databaseUrl !== undefined) {
    const { host, pathname } = new URL(databaseUrl.reveal());
    return { url: databaseUrl.reveal(), place: `Postgres at ${host}${pathname}` };
  }
  const opening = openEmbeddedPostgres({ dataDirectory, logger });
  // A shutdown while it opens waits for it, so that it never outlives this process.
  shutdown.add("embedded Postgres", () =>
    opening.then(
      (opened) => opened.close(),
      () => {},
    ),
  );
  const postgres = await opening;
  keepDatabaseRunning(postgres, { logger, signal: shutdown.signal }).catch((error: unknown) => {
    if (!shutdown.signal.aborted) {
      fail(error);
    }
  });
  return { url: postgres.databaseUrl, place: `embedded Postgres in ${dataDirectory}` };
}
