import {
  type FSWatcher,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readConfigFile } from "./read-config-file.ts";
import { type ConfigFileWatch, type WatchConfigFileOptions, watchConfigFile } from "./watch-config-file.ts";

let folder: string;
let file: string;
let watching: ConfigFileWatch | undefined;
let changes: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spillway-watch-"));
  file = join(folder, "spillway.yaml");
  writeFileSync(file, "version: 1");
  changes = 0;
});
afterEach(() => {
  watching?.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(path = file, options: WatchConfigFileOptions = { pollMs: 100, settleMs: 20 }): void {
  watching = watchConfigFile(path, () => changes++, options);
}

const toChange = (times: number) => expect.poll(() => changes).toBe(times);
const polls = async (count: number) => {
  for (let poll = 0; poll < count; poll++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

describe.each([
  ["told by the system", { pollMs: 600_000, settleMs: 20 }],
  ["found by the poll", { pollMs: 50, settleMs: 20 }],
])("a change %s", (_how, options) => {
  test("is seen when the file is written in place", async () => {
    start(file, options);
    writeFileSync(file, "version: 1 # a");
    await toChange(1);
    writeFileSync(file, "version: 1 # b");
    await toChange(2);
  });

  test("is seen when another file is renamed over it, again and again", async () => {
    start(file, options);
    for (let round = 1; round <= 3; round++) {
      writeFileSync(`${file}~`, `version: 1 # ${round}`);
      renameSync(`${file}~`, file);
      await toChange(round);
    }
  });

  test("is seen when a link in front of its folder is swapped, as Kubernetes does it", async () => {
    for (const version of ["one", "two"]) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "mounted.yaml"), `version: 1 # ${version}`);
    }
    symlinkSync("one", join(folder, "..data"));
    symlinkSync("..data/mounted.yaml", join(folder, "mounted.yaml"));
    start(join(folder, "mounted.yaml"), options);
    symlinkSync("two", join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    rmSync(join(folder, "one"), { recursive: true });
    await toChange(1);
  });

  test("is seen when the file was away for a moment, and not before it is back", async () => {
    let timesAway = 0;
    start(file, { ...options, onAway: () => (timesAway += 1) });
    unlinkSync(file);
    await expect.poll(() => timesAway).toBe(1);
    await polls(2);
    expect([changes, timesAway]).toEqual([0, 1]);
    writeFileSync(file, "version: 1 # back");
    await toChange(1);
    unlinkSync(file);
    await expect.poll(() => timesAway).toBe(2);
  });
});

test("a file that appears after the watch began is a change", async () => {
  unlinkSync(file);
  start();
  writeFileSync(file, "version: 1");
  await toChange(1);
});

test("a file whose folder is replaced is a change", async () => {
  const inner = join(folder, "inner");
  mkdirSync(inner);
  writeFileSync(join(inner, "a.yaml"), "version: 1");
  start(join(inner, "a.yaml"));
  rmSync(inner, { recursive: true });
  mkdirSync(inner);
  writeFileSync(join(inner, "a.yaml"), "version: 1 # new");
  await toChange(1);
});

test("a file whose folder appears after the watch began is a change, and so is what follows", async () => {
  const inner = join(folder, "inner");
  start(join(inner, "a.yaml"));
  mkdirSync(inner);
  for (let round = 1; round <= 2; round++) {
    writeFileSync(join(inner, "a.yaml"), `version: 1 # ${"x".repeat(round)}`);
    await toChange(round);
  }
});

test("a watch that the system gives up is taken up again, and no change is missed", async () => {
  const probe = watch(folder);
  const listening = vi.spyOn(Object.getPrototypeOf(probe) as FSWatcher, "on");
  probe.close();
  start(file, { pollMs: 50, settleMs: 20 });
  const opened = () => new Set(listening.mock.contexts).size;
  expect(opened()).toBe(1);
  (listening.mock.contexts[0] as FSWatcher).emit("error", new Error("EPERM: operation not permitted, watch"));
  await expect.poll(opened).toBe(2);
  listening.mockRestore();
  writeFileSync(file, "version: 1 # later");
  await toChange(1);
});

test("many writes in a row are told once, when the last one is there", async () => {
  start(file, { pollMs: 600_000, settleMs: 60 });
  for (let write = 0; write < 20; write++) {
    writeFileSync(file, `version: 1 # ${"x".repeat(write)}`);
  }
  await toChange(1);
  await polls(3);
  expect(changes).toBe(1);
});

test("other files of the folder, and looking itself, change nothing", async () => {
  start();
  writeFileSync(join(folder, "other.yaml"), "x");
  await polls(4);
  expect(changes).toBe(0);
});

test("nothing is told after close", async () => {
  start();
  watching?.close();
  writeFileSync(file, "version: 1 # late");
  await polls(3);
  expect(changes).toBe(0);
});

describe("reading a file", () => {
  test("gives its document, owned by its name without the extension", async () => {
    expect(await readConfigFile(file, {})).toMatchObject({ document: { version: 1 }, source: "file:spillway" });
  });

  test("that is not there, or wrong, names the file", async () => {
    await expect(readConfigFile(`${file}x`, {})).rejects.toThrow(`${file}x: there is no such file`);
    await expect(readConfigFile(folder, {})).rejects.toThrow(`${folder}: is not a regular file`);
    writeFileSync(file, "version: 7");
    await expect(readConfigFile(file, {})).rejects.toThrow(`${file}: version: must be 1 (line 1)`);
  });
});
