import type { Knex } from "knex";
import type { configV1 } from "#contracts";

/** What rows are read through: inside a transaction, whether it reads or writes. */
export type Queries = Knex.Transaction;

/** Kinds of things that changes are recorded of, as `ConfigChange.resource_type` names them. */
export type ResourceType = "secret" | "model" | "endpoint" | "key" | "budget";

/** One change of one thing, as the log keeps it. */
export interface RecordedChange {
  readonly kind: configV1.ChangeKind;
  readonly resourceType: ResourceType;
  readonly resourceId: string;
  readonly name: string;
  /** Of an update, the fields that differ, by their names in the file. */
  readonly fields: readonly string[];
}

/** A write under way. It holds the revision counter's lock, so that writes go one after the other. */
export interface WriteTransaction {
  readonly queries: Queries;
  /** Who writes: `api`, or `file:` and the name of a document. New rows belong to it; updated rows keep their owner. */
  readonly source: string;
  /** The revision that this write makes if it records a change; rows are stamped with it. */
  readonly revision: bigint;
  /** Time of the write, later than that of every revision before. */
  readonly at: Date;
  /** What was recorded so far. */
  readonly changes: readonly RecordedChange[];
  /** Puts a change into the log. A write that records none makes no revision. */
  recordChange(change: RecordedChange): void;
}

/** What a write came to. */
export interface Written<Value> {
  readonly value: Value;
  /** The revision that holds the write: the one it made, or the one before when nothing changed or it was a dry run. */
  readonly revision: bigint;
  readonly changes: readonly RecordedChange[];
}

/** How a write is made. */
export interface WriteOptions {
  readonly source: string;
  /** Does everything, tells the changes, and rolls it back. Default false. */
  readonly dryRun?: boolean;
}
