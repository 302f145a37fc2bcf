import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { findClosedFolder } from "./folder-access.ts";
import { stageNativeTree } from "./staged-tree.ts";

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

function link(draft: string): boolean {
  symlinkSync("libpq.so.5", join(draft, "lib", "libpq.so"));
  return true;
}

function stage(
  release: string,
  { places = [join(folder, "cache")], account = stranger, complete = link } = {},
): string {
  return stageNativeTree({ folder: join(folder, "closed", "native"), release, account, complete }, places);
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

it("does not run programs from a folder of somebody else", () => {
  mkdirSync(join(folder, "cache"));
  const owner = vi.spyOn(process, "getuid").mockReturnValue(54_322);
  try {
    expect(() => stage("linux-x64-1")).toThrow(`${join(folder, "cache")} belongs to somebody else`);
  } finally {
    owner.mockRestore();
  }
});

it("takes the next place where one cannot be used, and tells of each when there is none", () => {
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "shut"), { mode: 0o700 });
  const places = ["file", "shut", "cache"].map((name) => join(folder, name));
  expect(stage("linux-x64-1", { places })).toBe(join(folder, "cache", "postgres-linux-x64-1"));
  const native = join(folder, "closed", "native");
  const [file, shut] = places;
  expect(() => stage("linux-x64-1", { places: places.slice(0, 2) })).toThrow(
    new RegExp(`${native} cannot be run .*${file}.*; user 54321 may not enter ${shut}\\).*DATABASE_URL`),
  );
});

it("makes a folder that everybody may enter, whatever the umask says", () => {
  const before = process.umask(0o077);
  try {
    const staged = stage("linux-x64-1");
    expect(findClosedFolder(join(staged, "bin", "postgres"), stranger)).toBeUndefined();
  } finally {
    process.umask(before);
  }
});

it("leaves nothing behind of a copy that could not be finished", () => {
  expect(() => stage("linux-x64-1", { complete: () => false })).toThrow("cannot make links in");
  expect(readdirSync(join(folder, "cache"))).toEqual([]);
});

it("is not troubled by what a killed start of the same process id left", () => {
  cpSync(join(folder, "closed", "native"), join(folder, "cache", `postgres-linux-x64-1.draft-${process.pid}`), {
    recursive: true,
  });
  link(join(folder, "cache", `postgres-linux-x64-1.draft-${process.pid}`));
  expect(stage("linux-x64-1")).toBe(join(folder, "cache", "postgres-linux-x64-1"));
  expect(readdirSync(join(folder, "cache"))).toEqual(["postgres-linux-x64-1"]);
});

it("uses the copy of another start that was faster", () => {
  const faster = (draft: string) => {
    cpSync(draft, join(folder, "cache", "postgres-linux-x64-1"), { recursive: true });
    return link(draft);
  };
  const staged = stage("linux-x64-1", { complete: faster });
  expect(existsSync(join(staged, "bin", "postgres"))).toBe(true);
  expect(readdirSync(join(folder, "cache"))).toEqual(["postgres-linux-x64-1"]);
});

it("is not troubled by the draft of another start that is gone by the time it is looked at", () => {
  stage("linux-x64-1");
  symlinkSync(join(folder, "gone"), join(folder, "cache", "postgres-linux-x64-2.draft-1"));
  expect(stage("linux-x64-1")).toBe(join(folder, "cache", "postgres-linux-x64-1"));
});
