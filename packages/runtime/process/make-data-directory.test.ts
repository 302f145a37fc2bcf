import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SettingsError } from "../settings/read-environment.ts";
import { makeDataDirectory } from "./make-data-directory.ts";

const isRoot = process.getuid?.() === 0;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "data-directory-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const failureOf = (path: string) => {
  try {
    makeDataDirectory(path);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("a data directory", () => {
  it("is made with the folders above it, and is left as it is where it exists", () => {
    const path = join(folder, "a", "b");
    makeDataDirectory(path);
    chmodSync(path, 0o750);
    makeDataDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o750);
  });

  it("that is a file is refused, and the variable, the path and the way out are named", () => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    const error = failureOf(path);
    expect(error).toBeInstanceOf(SettingsError);
    expect((error as Error).message).toMatch(/^SPILLWAY_DATA_DIR cannot be used: .*file.*; .* name another$/);
  });

  it.skipIf(isRoot)("that may not be written is refused", () => {
    chmodSync(folder, 0o500);
    expect(failureOf(folder)).toBeInstanceOf(SettingsError);
    chmodSync(folder, 0o700);
  });
});
