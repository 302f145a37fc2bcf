import type { Knex } from "knex";
import * as nounsAndRevisions from "./0001-nouns-and-revisions.ts";

/** A step that brings the tables forward; there is no way back. */
export interface Migration {
  readonly up: (knex: Knex) => Promise<void>;
}

/** Every migration by its name, in the order in which they run. A name is never changed and never taken away. */
export const migrations: ReadonlyMap<string, Migration> = new Map([["0001-nouns-and-revisions", nounsAndRevisions]]);
