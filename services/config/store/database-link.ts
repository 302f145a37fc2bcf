import { setTimeout as delay } from "node:timers/promises";
import type { Knex } from "knex";
import pg from "pg";
import { type Logger, toBackoffMs } from "#runtime";
import { revisionChannel } from "./config-store.ts";
import { toStoreError } from "./database-error.ts";
import { migrate } from "./migrate.ts";

/** What a link is made to, and who hears of it. */
export interface DatabaseLinkOptions {
  readonly databaseUrl: string;
  readonly knex: Knex;
  readonly logger: Logger;
  /** How often the revision is asked for, whether a notification came or not. */
  readonly pollIntervalMs: number;
  /** Is told every revision that is seen; the same one may come again. */
  readonly onRevision: (revision: bigint) => void;
  /** Is told when the database is there, its tables ready, and when it is away. */
  readonly onReachable: (isReachable: boolean) => void;
  /** Dice of the waits: from 0 up to but not 1. */
  readonly random: () => number;
}

/** Runs until it is stopped. */
export interface DatabaseLink {
  stop(): Promise<void>;
}

/**
 * Keeps one connection of its own to Postgres: brings the tables up to date once, listens for revisions, and polls, since
 * a notification may be lost. A connection that breaks is made again, with backoff; an outage is one line in the log.
 */
export function startDatabaseLink(options: DatabaseLinkOptions): DatabaseLink {
  const stopping = new AbortController();
  const running = keepLinked(options, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await Promise.race([running, delay(longestStopMs, undefined, { ref: false })]);
    },
  };
}

/** A connection that is being made cannot be called off. */
const longestStopMs = 2000;
const backoff = { initialWaitMs: 200, longestWaitMs: 5000 };

async function keepLinked(options: DatabaseLinkOptions, signal: AbortSignal): Promise<void> {
  const { logger, onReachable, random } = options;
  let isMigrated = false;
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (!isMigrated) {
        const migrations = await migrate(options.knex, options.databaseUrl);
        isMigrated = true;
        logger.info({ migrations }, "the tables of the configuration database are up to date");
      }
      await listen(options, signal, () => {
        if (failures > 0) {
          logger.info({}, "the configuration database can be reached again");
        }
        failures = 0;
        onReachable(true);
      });
    } catch (thrown) {
      onReachable(false);
      if (failures === 0 && !signal.aborted) {
        logger.warn(describe(thrown), "the configuration database cannot be used; trying again until it can");
      }
      failures += 1;
      await sleep(toBackoffMs(failures, backoff, random), signal);
    }
  }
}

/** Listens and polls on one connection until that fails or the link is stopped. */
async function listen(options: DatabaseLinkOptions, signal: AbortSignal, onListening: () => void): Promise<void> {
  const client = new pg.Client({
    connectionString: options.databaseUrl,
    application_name: "spillway-config-listen",
    connectionTimeoutMillis: 5000,
    query_timeout: 5000,
    keepAlive: true,
  });
  const broken = new AbortController();
  const ending = AbortSignal.any([signal, broken.signal]);
  client.on("error", (error) => broken.abort(error));
  client.on("end", () => broken.abort(new Error("Connection terminated")));
  client.on("notification", ({ payload }) => {
    if (payload !== undefined && /^\d{1,18}$/.test(payload)) {
      options.onRevision(BigInt(payload));
    }
  });
  try {
    await client.connect();
    await client.query(`listen ${revisionChannel}`);
    let isListening = false;
    while (!signal.aborted) {
      broken.signal.throwIfAborted();
      const { rows } = await client.query<{ revision: string }>("select revision from config_revision");
      options.onRevision(BigInt(rows[0]?.revision ?? 0));
      // A poll that succeeds says so each time: somebody else may have found the database away in between.
      options.onReachable(true);
      if (!isListening) {
        isListening = true;
        onListening();
      }
      await sleep(options.pollIntervalMs, ending);
    }
  } finally {
    await client.end().catch(() => {});
  }
}

/** Ends early, and takes its listener off again, when the signal aborts. */
async function sleep(waitMs: number, signal: AbortSignal): Promise<void> {
  await delay(waitMs, undefined, { signal }).catch(() => {});
}

/** What a log may say of a failure: the driver's own words on a connection, and never a statement or a password. */
function describe(thrown: unknown): object {
  const { reason } = toStoreError(thrown);
  const code = typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : undefined;
  const cause = thrown instanceof Error ? thrown.message : String(thrown);
  return { reason, code, cause };
}
