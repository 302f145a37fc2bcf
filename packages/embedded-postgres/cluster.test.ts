import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ClusterPlace, createClusterIfAbsent, locateCluster, readPassword } from "./cluster.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";

let folder: string;
let place: ClusterPlace;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cluster-"));
  place = {
    folder: join(folder, "cluster"),
    passwordFile: join(folder, "password"),
    account: undefined,
    isClosedIn: false,
  };
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** Makes the cluster with an initdb that is this shell script. */
function createWith(script: string): Promise<void> {
  const initdb = join(folder, "initdb");
  writeFileSync(initdb, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return createClusterIfAbsent(place, { initdb, postgres: join(folder, "postgres") });
}

describe("making a cluster", () => {
  it.each([
    ["what initdb said", 'echo "initdb: error: no space left" >&2; exit 1', "initdb: error: no space left"],
    ["how it ended where it said nothing", "exit 3", "ended with 3"],
    ["how it was ended", "kill -9 $$", "ended with SIGKILL"],
  ])("tells, where it cannot be, %s and what to do", async (_what, script, reason) => {
    const failure = createWith(script);
    await expect(failure).rejects.toThrow(EmbeddedPostgresError);
    await expect(failure).rejects.toThrow(`could not be made in ${folder}: ${reason}. If this`);
    await expect(failure).rejects.toThrow("set DATABASE_URL");
    expect(existsSync(place.folder)).toBe(false);
  });

  it("shows the end of a long complaint, and no password", async () => {
    const failure = createWith('for n in $(seq 1000); do echo "line $n" >&2; done; exit 1');
    const { message } = (await failure.catch((error: unknown) => error)) as Error;
    expect(message).toContain("line 1000. If this");
    expect(message.length).toBeLessThan(3000);
    expect(message).not.toContain(readPassword(place));
  });

  it("tells where initdb cannot be run at all", async () => {
    const native = { initdb: join(folder, "absent"), postgres: join(folder, "postgres") };
    await expect(createClusterIfAbsent(place, native)).rejects.toThrow(/could not be made in .*ENOENT/);
  });

  it("is given its name only when it is whole, with a password that only its owner reads", async () => {
    await createWith('test "$1" = -D || exit 1; echo 18 > "$2/PG_VERSION"');
    expect(readFileSync(join(place.folder, "PG_VERSION"), "utf8")).toBe("18\n");
    expect(statSync(place.passwordFile).mode & 0o777).toBe(0o600);
    expect(readPassword(place)).toMatch(/^[\w-]{32}$/);
    await createWith("exit 1");
  });
});

it("a password that cannot be read is told with the way out", () => {
  expect(() => readPassword(place)).toThrow(
    new RegExp(
      `The password of the database in ${place.folder} cannot be read \\(ENOENT.*${place.passwordFile}.*DATABASE_URL`,
    ),
  );
});

it("a database of another user is told with the ways out", () => {
  mkdirSync(place.folder);
  const { uid } = statSync(place.folder);
  vi.spyOn(process, "getuid").mockReturnValue(uid + 1);
  expect(() => locateCluster(folder)).toThrow(
    `The database in ${place.folder} belongs to user ${uid}: start as that user or as root`,
  );
});
