import { openEmbeddedPostgres } from "#embedded-postgres";
import type { HiddenText, ProgramRun, SettingsTable } from "#runtime";

/** A Postgres to work with. */
export interface Database {
  /** With a password in it: not for logs. */
  readonly url: string;
  /** Where it is, for people. */
  readonly place: string;
}

/**
 * The Postgres of `DATABASE_URL`, or else an embedded one, which is closed at shutdown and whose end ends the program.
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
  void postgres.crashed.then(fail);
  return { url: postgres.databaseUrl, place: `embedded Postgres in ${dataDirectory}` };
}
