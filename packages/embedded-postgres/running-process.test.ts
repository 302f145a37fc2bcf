import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isServerOf, readStartOf } from "./running-process.ts";

const { platform } = process;
const hasPs = spawnSync("ps", ["-ww", "-o", "lstart=", "-p", String(process.pid)]).status === 0;
let folder: string;
let child: ChildProcess;

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "running-process-")));
  // As a server does, it works in its folder and was told of it, behind a path of some length.
  const script = `console.log("up"); setInterval(() => {}, 1000); /* ${"x".repeat(200)} */`;
  child = spawn(process.execPath, ["-e", script, folder], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout as NodeJS.ReadableStream, "data");
});

afterEach(async () => {
  Object.defineProperty(process, "platform", { value: platform });
  await end();
  rmSync(folder, { recursive: true, force: true });
});

async function end(): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}

describe.each([
  ["on this platform", platform],
  ["where ps is asked", "darwin"],
])("a process %s", (_where, name) => {
  it.skipIf(name !== platform && !hasPs)("is told from others by its start and by the folder it serves", async () => {
    Object.defineProperty(process, "platform", { value: name });
    const pid = child.pid as number;
    const start = readStartOf(pid);
    expect(start).toMatch(/\d/);
    expect(readStartOf(pid)).toBe(start);
    expect(isServerOf(pid, folder)).toBe(true);
    expect(isServerOf(pid, `${folder}-other`)).toBe(false);
    expect(isServerOf(process.pid, folder)).toBe(false);
    await end();
    expect(readStartOf(pid)).toBeUndefined();
    expect(isServerOf(pid, folder)).toBe(false);
  });
});
