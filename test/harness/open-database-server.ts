import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedPostgres } from "#embedded-postgres";
import { testDatabaseServerUrl } from "./settings.ts";

/** A Postgres server for a program that is no test run. */
export interface DatabaseServer extends AsyncDisposable {
  readonly url: string;
}

/** Opens an embedded Postgres, gone when it is disposed of; SPILLWAY_TEST_DATABASE_URL takes its place. */
export async function openDatabaseServer(): Promise<DatabaseServer> {
  if (testDatabaseServerUrl !== undefined) {
    return { url: testDatabaseServerUrl, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const folder = mkdtempSync(join(tmpdir(), "spillway-database-"));
  const database = await openEmbeddedPostgres({ dataDirectory: folder });
  return {
    url: database.databaseUrl,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
