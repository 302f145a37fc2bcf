import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import type { ServerAccount } from "./server-account.ts";

const readBit = 4;
const enterBit = 1;

/**
 * Finds the outermost folder on the way to `path` (itself included, when it is a folder) that `account` cannot enter.
 * Goes by owner, group and mode alone: access lists are not read.
 */
export function findClosedFolder(path: string, account: ServerAccount): string | undefined {
  const parent = dirname(path);
  const above = parent === path ? undefined : findClosedFolder(parent, account);
  if (above !== undefined) {
    return above;
  }
  const stats = statSync(path);
  return stats.isDirectory() && !isAllowed(stats, account, enterBit) ? path : undefined;
}

/** Says whether `account` can read the file or list the folder at `path`, once it got there. */
export function isReadable(path: string, account: ServerAccount): boolean {
  return isAllowed(statSync(path), account, readBit);
}

function isAllowed(stats: Stats, account: ServerAccount, bit: number): boolean {
  if (stats.uid === account.uid) {
    return (stats.mode & (bit << 6)) !== 0;
  }
  if (stats.gid === account.gid) {
    return (stats.mode & (bit << 3)) !== 0;
  }
  return (stats.mode & bit) !== 0;
}
