import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedPostgresError, useDatabaseUrl } from "./embedded-postgres-error.ts";
import { readStartOf } from "./running-process.ts";

/** Held while this process owns a data directory. */
export interface OwnerLock {
  /** Takes it again where it went away; throws, as lost, where another living process has it by now. */
  keep(): void;
  /** Gives it up; leaves it alone where another has it by now. */
  release(): void;
}

interface Owner {
  readonly pid: number;
  readonly start: string;
}

const attempts = 5;

/**
 * Takes the data directory for this process, or throws when a living process has it. A lock whose owner is gone
 * (killed, or a process of an earlier boot or container with the same id) is taken over.
 */
export function takeOwnerLock(dataDirectory: string): OwnerLock {
  const lock = join(dataDirectory, "owner.json");
  const owner = JSON.stringify({ pid: process.pid, start: readStartOf(process.pid) ?? "" });
  linkAsOwner(lock, owner, dataDirectory);
  const isHeld = () => readIfThere(lock) === owner;
  return {
    keep: () => {
      if (!isHeld()) {
        linkAsOwner(lock, owner, dataDirectory);
      }
    },
    release: () => {
      if (isHeld()) {
        rmSync(lock, { force: true });
      }
    },
  };
}

function linkAsOwner(lock: string, owner: string, dataDirectory: string): void {
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, owner);
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (tryToLink(mine, lock)) {
        return;
      }
      removeIfAbandoned(lock, dataDirectory);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  throw new EmbeddedPostgresError(
    `The data directory ${dataDirectory} is being taken by other processes, or ${lock} cannot be read: try again, and ` +
      `remove that file if no process has the directory.`,
  );
}

// A link appears with its content, at once and for one process only; a file that is opened and then written does not.
function tryToLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      return false;
    }
    throw error;
  }
}

function removeIfAbandoned(lock: string, dataDirectory: string): void {
  const found = readIfThere(lock);
  if (found === undefined) {
    return;
  }
  const owner = toOwner(found);
  if (owner !== undefined && readStartOf(owner.pid) === owner.start) {
    throw new EmbeddedPostgresError(
      `The data directory ${dataDirectory} is in use by process ${owner.pid}: stop that one first, ` +
        `choose another data directory, or ${useDatabaseUrl} for both.`,
      { isLost: true },
    );
  }
  const aside = `${lock}.abandoned-${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  // Between reading and renaming, a faster process may have taken over: what was moved aside is then alive. Put it back.
  if (readIfThere(aside) !== found) {
    tryToLink(aside, lock);
  }
  rmSync(aside, { force: true });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function toOwner(text: string): Owner | undefined {
  try {
    const { pid, start } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === "number" && typeof start === "string" ? { pid, start } : undefined;
  } catch {
    return undefined;
  }
}
