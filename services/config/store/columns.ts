import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Knex } from "knex";
import type { MessageCodec } from "#rpc";

/** A new identifier: the noun's prefix and 32 hexadecimal digits. */
export function createId(prefix: "s" | "d" | "e" | "m" | "k" | "bp"): string {
  return `${prefix}-${randomUUID().replaceAll("-", "")}`;
}

/** A time as messages carry it: milliseconds since the epoch. */
export function toMilliseconds(time: Date): bigint {
  return BigInt(time.getTime());
}

/** The entity tag of a thing that was last written at this revision. Opaque to callers. */
export function toEtag(revision: bigint): string {
  return `r${revision.toString(36)}`;
}

/** A nested message as a column holds it; null when it is not set. */
export function encodeColumn<Message>(codec: MessageCodec<Message>, message: Message | undefined): Buffer | null {
  return message === undefined ? null : Buffer.from(codec.encode(message).finish());
}

/** The nested message that a column holds; undefined when it is null. */
export function decodeColumn<Message>(codec: MessageCodec<Message>, column: Buffer | null): Message | undefined {
  return column === null ? undefined : codec.decode(column);
}

/** An `int8` column, which Postgres' driver gives as text. */
export function toOptionalBigint(column: string | null): bigint | undefined {
  return column === null ? undefined : BigInt(column);
}

/**
 * The columns of `wanted` that differ from those of `stored`. Only these are written, so that a nested message which a
 * newer version wrote keeps what this version cannot read, until somebody changes that very field.
 */
export function differingColumns<Columns extends object>(stored: Columns, wanted: Columns): Partial<Columns> {
  const keys = Object.keys(wanted) as (keyof Columns)[];
  const differing: Partial<Columns> = {};
  for (const key of keys) {
    if (!isDeepStrictEqual(stored[key], wanted[key])) {
      differing[key] = wanted[key];
    }
  }
  return differing;
}

/** Which page of a list is wanted: names after `afterName`, at most `limit`. */
export interface Page {
  readonly afterName?: string;
  readonly limit: number;
}

/** Narrows a list that is ordered by `nameColumn` to a page of it; what the page leaves open stays open. */
export function takePage(query: Knex.QueryBuilder, nameColumn: string, { afterName, limit }: Partial<Page>): void {
  if (afterName !== undefined) {
    query.where(nameColumn, ">", afterName);
  }
  if (limit !== undefined) {
    query.limit(limit);
  }
}
