import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startServer } from "./server.ts";

let folder: string;
let cluster: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "server-"));
  cluster = join(folder, "cluster");
  mkdirSync(cluster);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a server that finds its port taken so many times. */
function startAfter(taken: number, port?: number) {
  const postgres = join(folder, "postgres");
  writeFileSync(
    postgres,
    `#!/bin/sh
     echo "$*" >> starts
     if [ "$(wc -l < starts)" -le ${taken} ]; then
       echo 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use' >&2
       exit 1
     fi
     printf '%s\\n' $$ "$2" 0 0 "" 127.0.0.1 "" "ready   " > postmaster.pid
     exec sleep 600`,
    { mode: 0o755 },
  );
  const place = { folder: cluster, passwordFile: join(folder, "password"), account: undefined, isClosedIn: false };
  const options = { place, native: { postgres, initdb: join(folder, "initdb") }, log: () => {} };
  return startServer(port === undefined ? options : { ...options, port });
}

const startedPorts = () => readFileSync(join(cluster, "starts"), "utf8").match(/(?<=port=)\d+/g) ?? [];

describe("a port that somebody took before the server did", () => {
  it("is left to them for another one", async () => {
    const server = await startAfter(2);
    expect(startedPorts()).toHaveLength(3);
    expect(String(server.port)).toBe(startedPorts().at(-1));
    await server.stop();
    expect(await server.ended).toContain("SIGINT");
  });

  it("is not looked for for ever", async () => {
    await expect(startAfter(100)).rejects.toThrow(
      /in .*cluster did not start: .*could not bind.*\nIf need be, set DATABASE_URL/s,
    );
    expect(startedPorts()).toHaveLength(3);
  });

  it("is tried once where the server must have it", async () => {
    await expect(startAfter(100, 54_321)).rejects.toThrow("could not bind");
    expect(startedPorts()).toEqual(["54321"]);
    expect(existsSync(join(cluster, "postmaster.pid"))).toBe(false);
  });
});
