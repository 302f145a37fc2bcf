import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedPostgresError, useDatabaseUrl } from "./embedded-postgres-error.ts";
import { findClosedFolder } from "./folder-access.ts";
import type { ServerAccount } from "./server-account.ts";

const keptReleases = 3;

interface TreeToStage {
  readonly folder: string;
  readonly release: string;
  /** Finishes a copy before it is put in place; false if it could not. */
  readonly complete: (folder: string) => boolean;
  readonly account: ServerAccount | undefined;
}

/**
 * Copies a native tree to the first of `places` where `account` can run it: /var/cache/spillway, else a folder of ours under
 * the temporary folder. A copy is made once per release and used again; the three releases used last are kept.
 */
export function stageNativeTree(tree: TreeToStage, places = placesOf(process.getuid?.() ?? 0)): string {
  const obstacles: string[] = [];
  for (const place of places) {
    try {
      return stageAt(place, tree);
    } catch (error) {
      obstacles.push((error as Error).message);
    }
  }
  throw new EmbeddedPostgresError(
    `The Postgres binaries in ${tree.folder} cannot be run where they are, nor copied (${obstacles.join("; ")}): ` +
      `move the checkout to a folder that every user may enter, or ${useDatabaseUrl}.`,
  );
}

function placesOf(owner: number): string[] {
  return [...(owner === 0 ? ["/var/cache/spillway"] : []), join(tmpdir(), `spillway-${owner}`)];
}

/** Throws with the obstacle. */
function stageAt(place: string, tree: TreeToStage): string {
  const { account, release } = tree;
  if (mkdirSync(place, { recursive: true, mode: 0o755 }) !== undefined) {
    // Whatever the umask of this process says.
    chmodSync(place, 0o755);
  }
  requireOurs(place);
  const closed = account === undefined ? undefined : findClosedFolder(place, account);
  if (closed !== undefined) {
    throw new Error(`user ${account?.uid} may not enter ${closed}`);
  }
  const staged = join(place, `postgres-${release}`);
  if (!existsSync(staged)) {
    copyTo(staged, tree);
  }
  const now = new Date();
  utimesSync(staged, now, now);
  removeOldReleases(place);
  return staged;
}

function copyTo(staged: string, { folder, complete }: TreeToStage): void {
  const draft = `${staged}.draft-${process.pid}`;
  try {
    // A killed process of this id may have left one.
    rmSync(draft, { recursive: true, force: true });
    cpSync(folder, draft, { recursive: true, verbatimSymlinks: true });
    if (!complete(draft)) {
      throw new Error(`cannot make links in ${draft}`);
    }
    openToAll(draft);
    renameSync(draft, staged);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another start was faster; its copy is as good as ours.
    if (!existsSync(staged)) {
      throw error;
    }
  }
}

// A folder of a stranger could hold a stranger's programs.
function requireOurs(place: string): void {
  const stats = statSync(place);
  if (stats.uid !== process.getuid?.()) {
    throw new Error(`${place} belongs to somebody else`);
  }
  if ((stats.mode & 0o022) !== 0) {
    throw new Error(`${place} can be written by others`);
  }
}

function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) {
      chmodSync(path, 0o755);
    } else if (entry.isFile()) {
      chmodSync(path, (statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
}

function removeOldReleases(place: string): void {
  const byLastUse = readdirSync(place)
    .filter((name) => name.startsWith("postgres-"))
    .map((name) => join(place, name))
    // The draft of another start may be gone by now.
    .map((path) => ({ path, usedAtMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((left, right) => right.usedAtMs - left.usedAtMs);
  for (const { path } of byLastUse.slice(keptReleases)) {
    rmSync(path, { recursive: true, force: true });
  }
}
