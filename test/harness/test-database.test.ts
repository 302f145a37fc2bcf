import pg from "pg";
import { expect, it } from "vitest";
import { openTestDatabase } from "./test-database.ts";

async function listTables(databaseUrl: string, before = "SELECT 1"): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(before);
    const { rows } = await client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    return rows.map(({ tablename }) => tablename);
  } finally {
    await client.end();
  }
}

it("gives each suite a database of its own, and takes it away", async () => {
  const first = await openTestDatabase();
  const second = await openTestDatabase();
  expect(await listTables(first.databaseUrl, "CREATE TABLE mine (id int)")).toEqual(["mine"]);
  expect(await listTables(second.databaseUrl)).toEqual([]);
  await first.close();
  await second.close();
  await expect(listTables(first.databaseUrl)).rejects.toThrow("does not exist");
});
