import type { Knex } from "knex";
import pg from "pg";
import { type Migration, migrations } from "./migrations/index.ts";

/**
 * Brings the tables up to what this version needs; forward only, and safe with any number of processes at once.
 * Returns the names of what ran. A database that a newer version already migrated is left as it is.
 */
export async function migrate(knex: Knex, databaseUrl: string): Promise<readonly string[]> {
  // The lock lives in a session of its own: it ends with the process, whatever happens to it.
  const session = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5000 });
  session.on("error", () => {});
  await session.connect();
  try {
    await session.query("set lock_timeout = '20s'");
    await session.query("select pg_advisory_lock($1)", [advisoryLock]);
    // A row that says "locked" can only be left over from a process that died: the real lock is held here.
    await knex.migrate.forceFreeMigrationsLock(migratorConfig);
    const [, applied] = (await knex.migrate.latest(migratorConfig)) as [number, string[]];
    return applied;
  } finally {
    await session.end();
  }
}

const advisoryLock = 7_410_552_301;

const migratorConfig: Knex.MigratorConfig = {
  tableName: "config_migrations",
  disableMigrationsListValidation: true,
  migrationSource: {
    getMigrations: async () => [...migrations],
    getMigrationName: ([name]) => name,
    getMigration: async ([, { up }]) => ({ up, down: () => Promise.reject(new Error("migrations only go forward")) }),
  } satisfies Knex.MigrationSource<[string, Migration]>,
};
