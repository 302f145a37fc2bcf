import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedPostgres, openEmbeddedPostgres } from "#embedded-postgres";
import { readStartOf } from "./running-process.ts";

let folder: string;
let data: string;
const opened: EmbeddedPostgres[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "embedded-postgres-"));
  chmodSync(folder, 0o755);
  data = join(folder, "data");
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<EmbeddedPostgres> {
  const database = await openEmbeddedPostgres({ dataDirectory: data });
  opened.push(database);
  return database;
}

async function query(databaseUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(databaseUrl);
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function serverPid(): number {
  return Number(readFileSync(join(data, "cluster", "postmaster.pid"), "utf8").split("\n")[0]);
}

/** Ends the server as the kernel does when memory is short, and waits until that is noticed. */
async function crash(database: EmbeddedPostgres): Promise<void> {
  process.kill(serverPid(), "SIGKILL");
  await database.crashed;
}

describe("a server that crashed", () => {
  it("starts again with what was committed, behind the same URL, again and again", async () => {
    const database = await open();
    await query(database.databaseUrl, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)");
    for (let round = 0; round < 2; round += 1) {
      const session = new pg.Client(database.databaseUrl);
      session.on("error", () => {});
      await session.connect();
      await crash(database);
      await database.restart();
      expect(await query(database.databaseUrl, "SELECT id FROM kept")).toEqual([{ id: 7 }]);
    }
    const pid = serverPid();
    await database.close();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(existsSync(join(data, "owner.json"))).toBe(false);
  });

  it("ends when somebody stops it softly, although a session stays open", async () => {
    const database = await open();
    const session = new pg.Client(database.databaseUrl);
    session.on("error", () => {});
    await session.connect();
    process.kill(serverPid(), "SIGTERM");
    expect((await database.crashed).message).toContain("it was told to");
    expect((await session.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await database.restart();
    expect(await query(database.databaseUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("leaves no server behind when it is closed while a new one starts", async () => {
    const database = await open();
    await crash(database);
    const before = serverPid();
    const restarted = database.restart().catch((thrown: unknown) => thrown);
    let pid = before;
    await expect
      .poll(() => {
        // The file is gone for a moment, and then empty for one; a signal to 0 would go to ourselves.
        pid = existsSync(join(data, "cluster", "postmaster.pid")) ? serverPid() || before : before;
        return pid;
      })
      .not.toBe(before);
    process.kill(pid, "SIGSTOP");
    await database.close();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    const outcome = await restarted;
    if (outcome !== undefined) {
      expect(outcome).toMatchObject({ message: expect.stringContaining("closed meanwhile") });
    }
  });

  it("is noticed, and cannot start, while a child of it stands still, and can when that is gone", async () => {
    const database = await open();
    const session = new pg.Client(database.databaseUrl);
    session.on("error", () => {});
    await session.connect();
    const [{ pid }] = (await session.query("SELECT pg_backend_pid() AS pid")).rows;
    process.kill(pid, "SIGSTOP");
    try {
      await crash(database);
      await expect(database.restart()).rejects.toThrow(/shared memory block .* is still in use/s);
    } finally {
      process.kill(pid, "SIGKILL");
    }
    await expect.poll(() => database.restart().then(() => "started", String)).toBe("started");
  });

  it("cannot start while its port is taken, and can when that is free", async () => {
    const database = await open();
    await crash(database);
    const taker = createServer();
    await new Promise<void>((resolve) =>
      taker.listen(Number(new URL(database.databaseUrl).port), "127.0.0.1", resolve),
    );
    await expect(database.restart()).rejects.toMatchObject({ isLost: false, message: expect.stringMatching(/bind/) });
    await new Promise((resolve) => taker.close(resolve));
    await database.restart();
    expect(await query(database.databaseUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("is not made anew where its folder is gone, and starts when that is back", async () => {
    const database = await open();
    await crash(database);
    const aside = join(folder, "aside");
    renameSync(data, aside);
    await expect(database.restart()).rejects.toMatchObject({
      isLost: false,
      message: expect.stringMatching(/is gone/),
    });
    expect(existsSync(data)).toBe(false);
    renameSync(aside, data);
    await database.restart();
    expect(await query(database.databaseUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("is lost where another process has its folder, which stays that one's", async () => {
    const database = await open();
    await crash(database);
    // The parent of this process lives, and its start is what the lock must hold.
    const lock = join(data, "owner.json");
    const other = JSON.stringify({ pid: process.ppid, start: readStartOf(process.ppid) });
    writeFileSync(lock, other);
    await expect(database.restart()).rejects.toMatchObject({
      isLost: true,
      message: expect.stringContaining(`in use by process ${process.ppid}`),
    });
    await database.close();
    expect(readFileSync(lock, "utf8")).toBe(other);
  });

  it("is lost where its folder holds another database", async () => {
    const database = await open();
    await crash(database);
    writeFileSync(join(data, "password"), "another");
    await expect(database.restart()).rejects.toMatchObject({ isLost: true });
  });

  it("is not started again after the close", async () => {
    const database = await open();
    await database.close();
    await expect(database.restart()).rejects.toThrow("closed");
  });
});
