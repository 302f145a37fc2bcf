import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeOwnerLock } from "./owner-lock.ts";
import { readStartOf } from "./running-process.ts";

let folder: string;
let lock: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "owner-lock-"));
  lock = join(folder, "owner.json");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const owner = () => JSON.parse(readFileSync(lock, "utf8")) as unknown;
const ourselves = { pid: process.pid, start: readStartOf(process.pid) };
// The parent of this process lives.
const another = JSON.stringify({ pid: process.ppid, start: readStartOf(process.ppid) });

describe("the lock of a data directory", () => {
  it("is held until it is released, and leaves nothing behind", () => {
    const held = takeOwnerLock(folder);
    expect(owner()).toEqual(ourselves);
    expect(readdirSync(folder)).toEqual(["owner.json"]);
    held.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is refused where a living process has it, which keeps it", () => {
    writeFileSync(lock, another);
    expect(() => takeOwnerLock(folder)).toThrow(`in use by process ${process.ppid}`);
    expect(readFileSync(lock, "utf8")).toBe(another);
    expect(readdirSync(folder)).toEqual(["owner.json"]);
  });

  it.each([
    ["nothing, as after a power cut", ""],
    ["half an entry", '{"pid":1,'],
    ["something else", '{"pid":"1"}'],
    ["a process that is gone", JSON.stringify({ pid: 2 ** 22 + 1, start: "x" })],
  ])("is taken over where it holds %s", (_what, content) => {
    writeFileSync(lock, content);
    takeOwnerLock(folder);
    expect(owner()).toEqual(ourselves);
    expect(readdirSync(folder)).toEqual(["owner.json"]);
  });

  it("is taken again where it went away", () => {
    const held = takeOwnerLock(folder);
    rmSync(lock);
    held.keep();
    expect(owner()).toEqual(ourselves);
    held.keep();
    held.release();
    expect(existsSync(lock)).toBe(false);
  });

  it("is lost where another living process has it by now, and then left alone", () => {
    const held = takeOwnerLock(folder);
    writeFileSync(lock, another);
    expect(() => held.keep()).toThrow(expect.objectContaining({ isLost: true }) as Error);
    held.release();
    expect(readFileSync(lock, "utf8")).toBe(another);
  });

  it("names its file where that cannot be read, and does not try for ever", () => {
    mkdirSync(lock);
    expect(() => takeOwnerLock(folder)).toThrow(`${lock} cannot be read: try again, and remove that file`);
    expect(readdirSync(folder)).toEqual(["owner.json"]);
  });
});
