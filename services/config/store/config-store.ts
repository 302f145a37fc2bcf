import knex, { type Knex } from "knex";
import { toStoreError } from "./database-error.ts";
import type { Queries, RecordedChange, WriteOptions, WriteTransaction, Written } from "./write-transaction.ts";

/** Where the tables are, and who hears of writes. */
export interface ConfigStoreOptions {
  readonly databaseUrl: string;
  /** How many revisions the log of changes keeps. Default 10000. */
  readonly keptRevisions?: number | undefined;
  /** Is told every revision right after its commit. */
  readonly onRevision?: (revision: bigint) => void;
}

/**
 * The only door to the tables. Both ways in are transactions: what fails leaves nothing behind, and fails with
 * `RpcError` (`DATABASE_UNAVAILABLE` when Postgres is away).
 */
export interface ConfigStore {
  readonly knex: Knex;
  /** Reads one consistent state. */
  inReadTransaction<Value>(work: (queries: Queries) => Promise<Value>): Promise<Value>;
  /** Writes as one revision, one write after the other. If `work` throws, nothing was written. */
  inWriteTransaction<Value>(
    options: WriteOptions,
    work: (transaction: WriteTransaction) => Promise<Value>,
  ): Promise<Written<Value>>;
  close(): Promise<void>;
}

/** Opens a pool of at most 10 connections; the first query makes the first one. It must be closed. */
export function openConfigStore(options: ConfigStoreOptions): ConfigStore {
  const database = openPool(options.databaseUrl);
  const keptRevisions = BigInt(options.keptRevisions ?? 10_000);
  return {
    knex: database,
    inReadTransaction: async (work) => {
      try {
        return await database.transaction(work, { isolationLevel: "repeatable read", readOnly: true });
      } catch (thrown) {
        throw toStoreError(thrown);
      }
    },
    inWriteTransaction: async (writeOptions, work) => {
      const written = await runWrite({ database, keptRevisions }, writeOptions, work);
      if (written.committed) {
        options.onRevision?.(written.revision);
      }
      return { value: written.value, revision: written.revision, changes: written.changes };
    },
    close: () => database.destroy(),
  };
}

function openPool(databaseUrl: string): Knex {
  return knex({
    client: "pg",
    connection: {
      connectionString: databaseUrl,
      application_name: "spillway-config",
      statement_timeout: 15_000,
      idle_in_transaction_session_timeout: 15_000,
      connectionTimeoutMillis: 5000,
      keepAlive: true,
    },
    pool: { min: 0, max: 10 },
    acquireConnectionTimeout: 10_000,
    // Knex writes its own warnings to the console, parameters included.
    log: { warn: () => {}, error: () => {}, deprecate: () => {}, debug: () => {} },
  });
}

/** Thrown to roll a dry run back; it carries what the work came to. */
class DryRunEnd extends Error {}

interface WritePlace {
  readonly database: Knex;
  readonly keptRevisions: bigint;
}

async function runWrite<Value>(
  place: WritePlace,
  options: WriteOptions,
  work: (transaction: WriteTransaction) => Promise<Value>,
): Promise<Written<Value> & { committed: boolean }> {
  let dryRunResult: (Written<Value> & { committed: boolean }) | undefined;
  try {
    return await place.database.transaction(async (queries) => {
      const transaction = await beginWrite(queries, options.source);
      const value = await work(transaction);
      const { changes } = transaction;
      const previous = transaction.revision - 1n;
      if (options.dryRun === true) {
        dryRunResult = { value, revision: previous, changes, committed: false };
        throw new DryRunEnd();
      }
      if (changes.length === 0) {
        return { value, revision: previous, changes, committed: false };
      }
      await writeChanges(transaction, place.keptRevisions);
      return { value, revision: transaction.revision, changes, committed: true };
    });
  } catch (thrown) {
    if (thrown instanceof DryRunEnd && dryRunResult !== undefined) {
      return dryRunResult;
    }
    throw toStoreError(thrown);
  }
}

/** Takes the counter's row lock before anything else: the order of commits is then the order of revisions. */
async function beginWrite(queries: Queries, source: string): Promise<WriteTransaction> {
  // The clock is read once the lock is held, so that a later revision never bears an earlier time.
  const { rows } = await queries.raw<{ rows: { revision: string; at: Date }[] }>(
    "with counter as materialized (select revision from config_revision for update) " +
      "select revision, date_trunc('milliseconds', clock_timestamp()) as at from counter",
  );
  const counter = rows[0];
  if (counter === undefined) {
    throw new Error("the revision counter is gone");
  }
  const changes: RecordedChange[] = [];
  return {
    queries,
    source,
    revision: BigInt(counter.revision) + 1n,
    at: counter.at,
    changes,
    recordChange: (change) => {
      changes.push(change);
    },
  };
}

async function writeChanges(transaction: WriteTransaction, keptRevisions: bigint): Promise<void> {
  const { queries, revision, source, at } = transaction;
  await queries("config_revision").update({ revision: String(revision) });
  const rows = transaction.changes.map((change, position) => ({
    revision: String(revision),
    position,
    kind: change.kind,
    resource_type: change.resourceType,
    resource_id: change.resourceId,
    name: change.name,
    fields: [...change.fields],
    source,
    created_at: at,
  }));
  await queries.batchInsert("config_changes", rows, 500);
  await queries("config_changes")
    .where("revision", "<=", String(revision - keptRevisions))
    .delete();
  await queries.raw("select pg_notify(?, ?)", [revisionChannel, String(revision)]);
}

/** Channel on which every commit tells its revision. */
export const revisionChannel = "spillway_config_revision";
