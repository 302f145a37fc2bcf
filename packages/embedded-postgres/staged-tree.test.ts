import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findClosedFolder } from "./folder-access.ts";
import { stageNativeTreeAt } from "./staged-tree.ts";

const stranger = { uid: 54_321, gid: 54_321 };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "staged-tree-"));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "closed", "native", "bin"), { recursive: true, mode: 0o700 });
  mkdirSync(join(folder, "closed", "native", "lib"), { mode: 0o700 });
  writeFileSync(join(folder, "closed", "native", "bin", "postgres"), "#!/bin/sh\n", { mode: 0o700 });
  writeFileSync(join(folder, "closed", "native", "lib", "libpq.so.5"), "", { mode: 0o600 });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function stage(release: string): string {
  return stageNativeTreeAt(join(folder, "cache"), {
    folder: join(folder, "closed", "native"),
    release,
    account: stranger,
    complete: (draft) => {
      symlinkSync("libpq.so.5", join(draft, "lib", "libpq.so"));
      return true;
    },
  });
}

it("names the outermost folder that the account cannot enter", () => {
  const binary = join(folder, "closed", "native", "bin", "postgres");
  expect(findClosedFolder(binary, stranger)).toBe(join(folder, "closed"));
  chmodSync(join(folder, "closed"), 0o711);
  expect(findClosedFolder(binary, stranger)).toBe(join(folder, "closed", "native"));
  expect(findClosedFolder(folder, stranger)).toBeUndefined();
});

it("copies the tree once to where everybody can run it, links included", () => {
  const staged = stage("linux-x64-1");
  expect(statSync(join(staged, "bin", "postgres")).mode & 0o777).toBe(0o755);
  expect(findClosedFolder(join(staged, "bin", "postgres"), stranger)).toBeUndefined();
  expect(existsSync(join(staged, "lib", "libpq.so"))).toBe(true);
  const { ino } = statSync(join(staged, "bin", "postgres"));
  expect(stage("linux-x64-1")).toBe(staged);
  expect(statSync(join(staged, "bin", "postgres")).ino).toBe(ino);
});

it("keeps three releases", () => {
  const staged = ["1", "2", "3", "4", "5"].map((release) => stage(release));
  expect(staged.filter((path) => existsSync(path))).toHaveLength(3);
  expect(existsSync(staged[4] as string)).toBe(true);
});

it("does not run programs from a folder that others can write", () => {
  mkdirSync(join(folder, "cache"));
  chmodSync(join(folder, "cache"), 0o777);
  expect(() => stage("linux-x64-1")).toThrow("can be written by others");
});
