import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedPostgres, EmbeddedPostgresError, openEmbeddedPostgres } from "#embedded-postgres";

const isRoot = process.getuid?.() === 0;
let folder: string;
const opened: EmbeddedPostgres[] = [];
const owners: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "embedded-postgres-"));
  chmodSync(folder, 0o755);
});

afterEach(async () => {
  if (owners.length > 0) {
    await killLastOwner();
    await open();
  }
  await Promise.all(opened.splice(0).map((database) => database.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function open(dataDirectory = join(folder, "data")): Promise<EmbeddedPostgres> {
  const database = await openEmbeddedPostgres({ dataDirectory });
  opened.push(database);
  return database;
}

async function query(databaseUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(databaseUrl);
  // A server that is ended under an open connection reports it here; the test looks at the server, not at this.
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function serverPid(dataDirectory = join(folder, "data")): number {
  return Number(readFileSync(join(dataDirectory, "cluster", "postmaster.pid"), "utf8").split("\n")[0]);
}

/** Another process that opens the database and holds it until it is killed; gives its database URL. */
async function startOwner(dataDirectory = join(folder, "data")): Promise<string> {
  const script = join(folder, "owner.ts");
  const entry = JSON.stringify(fileURLToPath(new URL("./index.ts", import.meta.url)));
  writeFileSync(
    script,
    `import { openEmbeddedPostgres } from ${entry};
     const database = await openEmbeddedPostgres({ dataDirectory: ${JSON.stringify(dataDirectory)} });
     console.log(database.databaseUrl);
     setInterval(() => {}, 1000);`,
  );
  const owner = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  owners.push(owner);
  const [line] = await once(owner.stdout.setEncoding("utf8"), "data");
  return String(line).trim();
}

async function killLastOwner(): Promise<void> {
  const owner = owners.pop() as ChildProcess;
  const gone = once(owner, "exit");
  owner.kill("SIGKILL");
  await gone;
}

describe("openEmbeddedPostgres", () => {
  it("keeps what was written over a close and a second open", async () => {
    const first = await open();
    await query(first.databaseUrl, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)");
    await first.close();
    const second = await open();
    expect(await query(second.databaseUrl, "SELECT id FROM kept")).toEqual([{ id: 7 }]);
  });

  it("is durable, listens on loopback alone and wants the password", async () => {
    const { databaseUrl } = await open();
    const sql = `SELECT name, setting FROM pg_settings
      WHERE name IN ('fsync', 'listen_addresses', 'unix_socket_directories', 'server_encoding') ORDER BY name`;
    expect((await query(databaseUrl, sql)).map(({ name, setting }) => [name, setting])).toEqual([
      ["fsync", "on"],
      ["listen_addresses", "127.0.0.1"],
      ["server_encoding", "UTF8"],
      ["unix_socket_directories", ""],
    ]);
    const withoutPassword = databaseUrl.replace(/:[^:@]+@/, ":guess@");
    await expect(query(withoutPassword, "SELECT 1")).rejects.toThrow("password authentication failed");
    expect(statSync(join(folder, "data", "password")).mode & 0o777).toBe(0o600);
  });

  it("stops the server that a killed owner left, and serves its data", async () => {
    const leftUrl = await startOwner();
    await query(leftUrl, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (9)");
    const leftPid = serverPid();
    await killLastOwner();
    expect(await query(leftUrl, "SELECT id FROM kept")).toEqual([{ id: 9 }]);
    const database = await open();
    expect(await query(database.databaseUrl, "SELECT id FROM kept")).toEqual([{ id: 9 }]);
    expect(serverPid()).not.toBe(leftPid);
    await expect(query(leftUrl, "SELECT 1")).rejects.toThrow();
  });

  it("refuses a data directory whose owner lives, and names the owner", async () => {
    await startOwner();
    const owner = owners[0]?.pid;
    await expect(open()).rejects.toThrow(new RegExp(`in use by process ${owner}: .*DATABASE_URL`));
    const untouched = await query(await readOwnersUrl(), "SELECT 1 AS one");
    expect(untouched).toEqual([{ one: 1 }]);
  });

  it("refuses a second open in the same process until the first is closed", async () => {
    const first = await open();
    await expect(open()).rejects.toThrow(EmbeddedPostgresError);
    await first.close();
    await first.close();
    await expect(open()).resolves.toBeDefined();
  });

  it("is not misled by a process id that means somebody else by now", async () => {
    const first = await open();
    await first.close();
    const dataDirectory = join(folder, "data");
    writeFileSync(join(dataDirectory, "owner.json"), JSON.stringify({ pid: process.pid, start: "an earlier boot" }));
    writeFileSync(join(dataDirectory, "cluster", "postmaster.pid"), `${process.pid}\n`);
    const second = await open();
    expect(await query(second.databaseUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("starts over when an earlier start was cut short while it made the database", async () => {
    const draft = join(folder, "data", "cluster.draft");
    mkdirSync(draft, { recursive: true });
    writeFileSync(join(draft, "PG_VERSION"), "18\n");
    const database = await open();
    expect(await query(database.databaseUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("reports a server that ends by itself", async () => {
    const database = await open();
    process.kill(serverPid(), "SIGKILL");
    expect((await database.crashed).message).toContain("stopped by itself: ended with SIGKILL");
    await database.close();
    await expect(open()).resolves.toBeDefined();
  });

  it("says what Postgres said when it does not start, and frees the data directory", async () => {
    const first = await open();
    await first.close();
    const version = join(folder, "data", "cluster", "PG_VERSION");
    writeFileSync(version, "9.6\n");
    await expect(open()).rejects.toThrow(/did not start: .*incompatible with server/s);
    writeFileSync(version, "18\n");
    await expect(open()).resolves.toBeDefined();
  });

  it("tells of a lost password before a server runs, and goes on when it is back", async () => {
    const first = await open();
    await first.close();
    const password = join(folder, "data", "password");
    renameSync(password, `${password}.aside`);
    await expect(open()).rejects.toThrow(EmbeddedPostgresError);
    expect(existsSync(join(folder, "data", "cluster", "postmaster.pid"))).toBe(false);
    renameSync(`${password}.aside`, password);
    const second = await open();
    expect(await query(second.databaseUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("says what to do about a data directory that cannot be used", async () => {
    writeFileSync(join(folder, "file"), "");
    for (const dataDirectory of [join(folder, "file"), join(folder, "file", "data")]) {
      const opening = open(dataDirectory);
      await expect(opening).rejects.toThrow(EmbeddedPostgresError);
      await expect(opening).rejects.toThrow(new RegExp(`${dataDirectory} cannot be used .*DATABASE_URL`));
    }
  });

  it("leaves nothing running after close", async () => {
    const database = await open();
    const pid = serverPid();
    await database.close();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(existsSync(join(folder, "data", "owner.json"))).toBe(false);
  });
});

it.skipIf(isRoot)("a data directory that this user may not write says what to do", async () => {
  mkdirSync(join(folder, "data"), { mode: 0o555 });
  await expect(open()).rejects.toThrow(/cannot be used \(EACCES.*give it to the user who starts this/);
});

describe.runIf(isRoot)("openEmbeddedPostgres as root", () => {
  it("runs the server as another user who owns the files", async () => {
    await open();
    const { uid } = statSync(join(folder, "data", "cluster"));
    expect(uid).not.toBe(0);
    expect(statSync(`/proc/${serverPid()}`).uid).toBe(uid);
  });

  it("works under a folder that only root may enter, over a restart and a crash of a backend", async () => {
    const dataDirectory = join(folder, "closed", "data");
    mkdirSync(join(folder, "closed"), { mode: 0o700 });
    const first = await open(dataDirectory);
    await query(first.databaseUrl, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (3)");
    await first.close();
    const second = await open(dataDirectory);
    const backend = new pg.Client(second.databaseUrl);
    await backend.connect();
    const lost = new Promise((resolve) => backend.once("end", resolve));
    backend.on("error", () => {});
    const [{ pid }] = (await backend.query("SELECT pg_backend_pid() AS pid")).rows;
    process.kill(pid, "SIGKILL");
    await lost;
    const isBack = () => query(second.databaseUrl, "SELECT id FROM kept");
    await expect.poll(() => isBack().catch(() => [])).toEqual([{ id: 3 }]);
    expect(statSync(join(folder, "closed")).mode & 0o777).toBe(0o700);
  });
});

async function readOwnersUrl(): Promise<string> {
  const lines = readFileSync(join(folder, "data", "cluster", "postmaster.pid"), "utf8").split("\n");
  const password = readFileSync(join(folder, "data", "password"), "utf8").trim();
  return `postgres://spillway:${password}@127.0.0.1:${lines[3]}/postgres`;
}

it("leaves no files beside the cluster, the password and the lock", async () => {
  await open();
  expect(readdirSync(join(folder, "data")).sort()).toEqual(["cluster", "owner.json", "password"]);
});
