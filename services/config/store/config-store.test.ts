import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configV1 } from "#contracts";
import { failureOf, messageOf } from "../../../test/harness/test-config-service.ts";
import { openTestDatabase, type TestDatabase } from "../../../test/harness/test-database.ts";
import {
  type ConfigStore,
  findModelDefinition,
  insertModelDefinition,
  listModelDefinitions,
  listRevisions,
  migrate,
  openConfigStore,
  readChangedIds,
  readRevision,
  replaceModelDefinition,
} from "./index.ts";

let database: TestDatabase;
let store: ConfigStore;
const told: bigint[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  store = openConfigStore({
    databaseUrl: database.databaseUrl,
    keptRevisions: 20,
    onRevision: (revision) => told.push(revision),
  });
});
afterAll(async () => {
  await store?.close();
  await database?.close();
});

const modelOf = (name: string) =>
  messageOf(configV1.GatewayModelDefinition, { name, provider: "echo", modelName: "e" });

function insert(name: string) {
  return store.inWriteTransaction({ source: "api" }, (transaction) =>
    insertModelDefinition(transaction, modelOf(name)),
  );
}

const revision = () => store.inReadTransaction(readRevision);

test("starters that come at once migrate once", async () => {
  const starters = await Promise.all(
    [1, 2, 3].map(async () => {
      const starter = openConfigStore({ databaseUrl: database.databaseUrl });
      const applied = await migrate(starter.knex, database.databaseUrl);
      await starter.close();
      return applied;
    }),
  );
  expect(starters.map((applied) => applied.length).sort()).toEqual([0, 0, 1]);
});

test("a lock that a process left behind when it died does not stop the next migration", async () => {
  await store.knex("config_migrations_lock").update({ is_locked: 1 });
  expect(await migrate(store.knex, database.databaseUrl)).toEqual([]);
});

test("a database that a newer version migrated is left as it is", async () => {
  await store.knex("config_migrations").insert({ name: "9999-from-the-future", batch: 9, migration_time: new Date() });
  expect(await migrate(store.knex, database.databaseUrl)).toEqual([]);
});

describe("inWriteTransaction", () => {
  test("makes one revision of everything that was written in it", async () => {
    const before = await revision();
    const written = await store.inWriteTransaction({ source: "file:one" }, async (transaction) => {
      await insertModelDefinition(transaction, modelOf("a"));
      return await insertModelDefinition(transaction, modelOf("b"));
    });
    expect(written.revision).toBe(before + 1n);
    expect(written.value).toMatchObject({ revision: before + 1n, source: "file:one" });
    expect(written.changes).toHaveLength(2);
    expect(await revision()).toBe(before + 1n);
    expect(told.at(-1)).toBe(before + 1n);
  });

  test("leaves nothing behind when it fails", async () => {
    const before = await revision();
    const failed = store.inWriteTransaction({ source: "api" }, async (transaction) => {
      await insertModelDefinition(transaction, modelOf("never"));
      throw new Error("on purpose");
    });
    expect(await failureOf(failed)).toMatchObject({ code: "INTERNAL", reason: "INTERNAL" });
    expect(await revision()).toBe(before);
    expect(await store.inReadTransaction((queries) => findModelDefinition(queries, { name: "never" }))).toBeUndefined();
  });

  test("makes no revision when nothing changed", async () => {
    const { value: stored } = await insert("still");
    const before = await revision();
    const written = await store.inWriteTransaction({ source: "api" }, (transaction) =>
      replaceModelDefinition(transaction, stored, { ...stored }),
    );
    expect(written).toMatchObject({ revision: before, changes: [] });
    expect(await revision()).toBe(before);
    expect(told.at(-1)).toBe(before);
  });

  test("tells the changes of a dry run and rolls it back", async () => {
    const before = await revision();
    const tried = await store.inWriteTransaction({ source: "api", dryRun: true }, (transaction) =>
      insertModelDefinition(transaction, modelOf("dry")),
    );
    expect(tried).toMatchObject({ revision: before, changes: [{ name: "dry" }], value: { name: "dry" } });
    expect(await revision()).toBe(before);
    expect(await store.inReadTransaction((queries) => findModelDefinition(queries, { name: "dry" }))).toBeUndefined();
  });

  test("gives revisions in the order of commits, whoever writes at the same time", async () => {
    const other = openConfigStore({ databaseUrl: database.databaseUrl });
    const before = await revision();
    const writes = Array.from({ length: 8 }, (_, index) =>
      (index % 2 === 0 ? store : other).inWriteTransaction({ source: "api" }, (transaction) =>
        insertModelDefinition(transaction, modelOf(`order-${index}`)),
      ),
    );
    const revisions = (await Promise.all(writes)).map((written) => written.revision);
    await other.close();
    expect(new Set(revisions).size).toBe(8);
    expect(await revision()).toBe(before + 8n);
    const log = await store.inReadTransaction((queries) => listRevisions(queries, { before: undefined, limit: 8 }));
    const times = log.map(({ createdAt }) => createdAt);
    expect(times).toEqual([...times].sort((one, later) => Number(later - one)));
  });
});

test("a read sees one state, whatever is written meanwhile", async () => {
  const [before, during] = await store.inReadTransaction(async (queries) => {
    const first = await listModelDefinitions(queries);
    await insert("meanwhile");
    return [first.length, (await listModelDefinitions(queries)).length];
  });
  expect(during).toBe(before);
});

test("the log tells what changed as far back as it is kept, and says when it is not", async () => {
  const { value: model, revision: first } = await insert("logged");
  await store.inWriteTransaction({ source: "api" }, (transaction) =>
    replaceModelDefinition(transaction, model, { ...model, modelName: "other" }),
  );
  const changes = await store.inReadTransaction((queries) => readChangedIds(queries, first - 1n));
  expect(changes).toEqual(new Map([["model", [model.modelDefinitionId]]]));
  for (let index = 0; index < 20; index += 1) {
    await insert(`filler-${index}`);
  }
  expect(await store.inReadTransaction((queries) => readChangedIds(queries, first - 1n))).toBeUndefined();
  const kept = await store.inReadTransaction((queries) => listRevisions(queries, { before: undefined, limit: 100 }));
  expect(kept).toHaveLength(20);
});
