import { spawn } from "node:child_process";
import { expect, it } from "vitest";
import { watchServer } from "./watch-server.ts";

/** Whether a process that writes this line and ends counts as told to stop softly. */
async function isSoftStop(line: string): Promise<boolean> {
  const child = spawn(process.execPath, ["-e", "console.error(process.argv[1])", line], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: string[] = [];
  const { ended, softStopped } = watchServer(child, (one) => lines.push(one));
  await ended;
  expect(lines).toEqual([line]);
  return Promise.race([softStopped.then(() => true), Promise.resolve().then(() => false)]);
}

it("a soft stop is what the server itself says of it", async () => {
  expect(await isSoftStop("LOG:  received smart shutdown request")).toBe(true);
});

it.each([
  'FATAL:  password authentication failed for user "received smart shutdown request"',
  "\tLOG:  received smart shutdown request",
  "LOG:  received smart shutdown request by x",
])("a soft stop is nothing that strangers can have logged: %s", async (line) => {
  expect(await isSoftStop(line)).toBe(false);
});

it("the end of a process that could not be made is told", async () => {
  const child = spawn("/nonexistent/postgres", [], { stdio: ["ignore", "ignore", "pipe"] });
  expect(await watchServer(child, () => {}).ended).toContain("ENOENT");
});
