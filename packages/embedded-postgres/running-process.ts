import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";

/**
 * Says when the process with this id started, in a form that only serves comparison; `undefined` when none runs. Process
 * ids come again, in a restarted container at once, so an id alone says nothing about who it is.
 */
export function readStartOf(pid: number): string | undefined {
  if (process.platform !== "linux") {
    return askPs(pid, "lstart");
  }
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    const [state] = fields;
    const sinceBoot = fields[19];
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return state === "Z" || state === "X" ? undefined : `${boot}/${sinceBoot}`;
  } catch {
    return undefined;
  }
}

/** Says whether the process with this id is a Postgres server that works in `clusterFolder` (an absolute, real path). */
export function isServerOf(pid: number, clusterFolder: string): boolean {
  if (process.platform !== "linux") {
    return askPs(pid, "command")?.includes(clusterFolder) ?? false;
  }
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === clusterFolder;
  } catch {
    return false;
  }
}

function askPs(pid: number, column: string): string | undefined {
  // Twice `w`: lines are cut at 79 characters otherwise, where nobody looks at a terminal.
  const { stdout, status } = spawnSync("ps", ["-ww", "-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" });
  return status === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}
