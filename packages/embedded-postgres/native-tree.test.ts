import { mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { completeLinks } from "./native-links.ts";
import { prepareNativeTree } from "./native-tree.ts";

describe("the programs of Postgres", () => {
  const { platform } = process;
  const pretend = (name: string) => Object.defineProperty(process, "platform", { value: name });
  afterEach(() => {
    pretend(platform);
    vi.restoreAllMocks();
  });

  it("are those that npm installed, where this user runs them", () => {
    const { initdb, postgres } = prepareNativeTree(undefined);
    for (const program of [initdb, postgres]) {
      expect(statSync(program).mode & 0o100).toBe(0o100);
    }
  });

  it.each([
    ["win32", `There is no embedded Postgres on win32-${process.arch}: set DATABASE_URL`],
    ["sunos", `on sunos-${process.arch}, or npm was told to omit optional dependencies: set DATABASE_URL`],
  ])("are not there on %s, and the error says what to do", (name, expected) => {
    pretend(name);
    expect(() => prepareNativeTree(undefined)).toThrow(expected);
  });

  it("are not there on a Linux without glibc, and the error says what to do", () => {
    pretend("linux");
    vi.spyOn(process.report, "getReport").mockReturnValue({ header: {} });
    expect(() => prepareNativeTree(undefined)).toThrow("no embedded Postgres for musl (Alpine): set DATABASE_URL");
  });
});

describe("the links that npm cannot carry", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "native-links-"));
    mkdirSync(join(folder, "lib"));
    writeFileSync(join(folder, "lib", "libpq.so.5.18"), "");
    writeFileSync(
      join(folder, "pg-symlinks.json"),
      JSON.stringify(
        ["libpq.so.5", "libpq.so"].map((name) => ({
          source: "native/lib/libpq.so.5.18",
          target: `native/lib/${name}`,
        })),
      ),
    );
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const linked = (name: string) => readlinkSync(join(folder, "lib", name));

  it("are made where they are missing, and left alone where they are there", () => {
    symlinkSync("./libpq.so.5.18", join(folder, "lib", "libpq.so"));
    expect(completeLinks(folder)).toBe(true);
    expect(linked("libpq.so.5")).toBe("libpq.so.5.18");
    expect(linked("libpq.so")).toBe("./libpq.so.5.18");
    expect(completeLinks(folder)).toBe(true);
  });

  it("may be made by another start meanwhile", () => {
    // A link that leads nowhere yet is not seen, but is there.
    symlinkSync("elsewhere", join(folder, "lib", "libpq.so"));
    expect(completeLinks(folder)).toBe(true);
    expect(linked("libpq.so")).toBe("elsewhere");
  });

  it("are told of where they cannot be made", () => {
    rmSync(join(folder, "lib"), { recursive: true });
    expect(completeLinks(folder)).toBe(false);
  });
});
