import { expect, test } from "vitest";
import { RpcError } from "#rpc";
import { failureOf } from "../../../test/harness/test-config-service.ts";
import { openTestDatabase } from "../../../test/harness/test-database.ts";
import { toStoreError } from "./database-error.ts";
import { migrate, openConfigStore, readRevision } from "./index.ts";

test("tells nothing of SQL, whatever Postgres says", async () => {
  const database = await openTestDatabase();
  const store = openConfigStore({ databaseUrl: database.databaseUrl });
  await migrate(store.knex, database.databaseUrl);
  const run = (sql: string) => failureOf(store.inReadTransaction((queries) => queries.raw(sql)));
  const write = (sql: string) =>
    failureOf(store.inWriteTransaction({ source: "api" }, ({ queries }) => queries.raw(sql)));
  const budget = "(budget_id, name, definition, created_at, last_updated_at, revision, source) values";
  const outcomes = [
    await run("select nothing from nowhere"),
    await run("select 1/0"),
    await run("select pg_terminate_backend(pg_backend_pid())"),
    await write(`insert into budgets ${budget} ('1','n','',now(),now(),1,'api'),('2','n','',now(),now(),1,'api')`),
    await write("insert into endpoint_tags values ('e-none', 'k', 'v')"),
    await failureOf(store.inReadTransaction((queries) => queries.raw("select ?::text", ["a\u0000b"]))),
  ];
  await store.close();
  await database.close();
  expect(outcomes.map(({ code, reason }) => `${code} ${reason}`)).toEqual([
    "INTERNAL INTERNAL",
    "INTERNAL INTERNAL",
    "UNAVAILABLE DATABASE_UNAVAILABLE",
    "ALREADY_EXISTS RESOURCE_ALREADY_EXISTS",
    "FAILED_PRECONDITION RESOURCE_IN_USE",
    "INVALID_ARGUMENT INVALID_FIELD",
  ]);
  for (const { message, metadata } of outcomes) {
    expect(`${message} ${JSON.stringify(metadata)}`).not.toMatch(
      /select|insert|budgets|nowhere|endpoint_tags|constraint/i,
    );
  }
});

test("says that the database is away when nobody listens there", async () => {
  const store = openConfigStore({ databaseUrl: "postgres://user:password@127.0.0.1:1/none" });
  const error = await failureOf(store.inReadTransaction(readRevision));
  await store.close();
  expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "DATABASE_UNAVAILABLE" });
  expect(error.message).not.toMatch(/password|127\.0\.0\.1/);
});

test("says that the database is away when none of its host's addresses can be reached", () => {
  const refusal = (code: string) => Object.assign(new Error(`connect ${code}`), { code });
  const noneOf = (...codes: string[]) => Object.assign(new AggregateError(codes.map(refusal)), { code: codes[0] });
  // Of a host without IPv6, Node gives the error of the first address its code.
  expect(toStoreError(noneOf("EADDRNOTAVAIL", "ECONNREFUSED")).reason).toBe("DATABASE_UNAVAILABLE");
  expect(toStoreError(noneOf("ECONNREFUSED", "ECONNREFUSED")).reason).toBe("DATABASE_UNAVAILABLE");
  expect(toStoreError(noneOf("EACCES")).reason).toBe("INTERNAL");
});

test("hands an RpcError through", () => {
  const error = new RpcError({ code: "NOT_FOUND", reason: "RESOURCE_NOT_FOUND", message: "m" });
  expect(toStoreError(error)).toBe(error);
  expect(toStoreError("thrown text")).toMatchObject({ code: "INTERNAL", cause: "thrown text" });
});
