import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findClosedFolder, isReadable } from "./folder-access.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "folder-access-"));
  file = join(folder, "postgres");
  writeFileSync(file, "");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("whether an account can go somewhere", () => {
  const stranger = { uid: 54_321, gid: 54_321 };
  const owner = () => ({ uid: statSync(folder).uid, gid: 54_321 });
  const member = () => ({ uid: 54_321, gid: statSync(folder).gid });

  it.each([
    [0o700, { owner: true, member: false, stranger: false }],
    [0o710, { owner: true, member: true, stranger: false }],
    [0o701, { owner: true, member: false, stranger: true }],
    [0o071, { owner: false, member: true, stranger: true }],
  ])("into a folder of mode %o is said by its one class of users alone", (mode, expected) => {
    chmodSync(folder, mode);
    const mayEnter = (account: typeof stranger) => findClosedFolder(folder, account) === undefined;
    const found = { owner: mayEnter(owner()), member: mayEnter(member()), stranger: mayEnter(stranger) };
    chmodSync(folder, 0o700);
    expect(found).toEqual(expected);
  });

  it.each([
    [0o600, { owner: true, member: false, stranger: false }],
    [0o440, { owner: true, member: true, stranger: false }],
    [0o004, { owner: false, member: false, stranger: true }],
  ])("to the content of a file of mode %o likewise", (mode, expected) => {
    chmodSync(file, mode);
    expect({
      owner: isReadable(file, owner()),
      member: isReadable(file, member()),
      stranger: isReadable(file, stranger),
    }).toEqual(expected);
  });
});
