import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { chooseServerAccount } from "./server-account.ts";

let folder: string;
let accounts: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "server-account-"));
  accounts = join(folder, "passwd");
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const postgres = "postgres:x:70:71:PostgreSQL:/var/lib/postgresql:/bin/sh";
const nobody = "nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin";

function chooseAs(uid: number, lines: readonly string[]) {
  vi.spyOn(process, "getuid").mockReturnValue(uid);
  writeFileSync(accounts, `${lines.join("\n")}\n`);
  return chooseServerAccount(join(folder, "cluster"), accounts);
}

describe("who runs the server", () => {
  it("is ourselves where we are not root", () => {
    expect(chooseAs(1000, [postgres, nobody])).toBeUndefined();
  });

  it.each([
    ["the machine's postgres", [nobody, postgres], { uid: 70, gid: 71 }],
    ["nobody where there is no postgres", ["root:x:0:0:root:/root:/bin/sh", nobody], { uid: 65_534, gid: 65_533 }],
    ["never a postgres that is root", ["postgres:x:0:0::/:/bin/sh", nobody], { uid: 65_534, gid: 65_533 }],
  ])("is, for root, %s", (_who, lines, expected) => {
    expect(chooseAs(0, lines)).toEqual(expected);
  });

  it("is told what to do, as root, where nobody fits", () => {
    expect(() => chooseAs(0, ["root:x:0:0:root:/root:/bin/sh"])).toThrow(
      /refuses to run as root, and .*passwd has neither "postgres" nor "nobody".*start as another user, or set DATABASE_URL/,
    );
  });

  it("stays the owner of a cluster that is there, whoever that is", () => {
    mkdirSync(join(folder, "cluster"));
    const { uid, gid } = statSync(join(folder, "cluster"));
    // A cluster of root is nobody's: Postgres refuses it.
    expect(chooseAs(0, [postgres])).toEqual(uid === 0 ? { uid: 70, gid: 71 } : { uid, gid });
  });
});
