import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EmbeddedPostgresError, useDatabaseUrl } from "./embedded-postgres-error.ts";
import { findClosedFolder } from "./folder-access.ts";
import type { NativeTree } from "./native-tree.ts";
import { chooseServerAccount, type ServerAccount } from "./server-account.ts";

/** The superuser that the server is made with. */
export const superuser = "spillway";

/** A place for one database cluster, and who may work in it. */
export interface ClusterPlace {
  /** The folder that Postgres calls its data directory. */
  readonly folder: string;
  readonly passwordFile: string;
  /** Who runs the server; `undefined` for ourselves. */
  readonly account: ServerAccount | undefined;
  /**
   * True when the account cannot walk to the folder by its path, as under a /root of mode 0700. Its programs are then
   * started inside the folder and told to call it /proc/self/cwd, which asks for no right on the folders above.
   */
  readonly isClosedIn: boolean;
}

/** Says where the cluster of a data directory is and how its server gets there; throws where it cannot. */
export function locateCluster(dataDirectory: string): ClusterPlace {
  const folder = join(dataDirectory, "cluster");
  const account = chooseServerAccount(folder);
  const closed = account === undefined ? undefined : findClosedFolder(dataDirectory, account);
  if (closed !== undefined && !existsSync("/proc/self/cwd")) {
    throw new EmbeddedPostgresError(
      `The embedded Postgres runs as user ${account?.uid} and cannot enter ${closed}: run \`chmod o+x ${closed}\`, ` +
        `choose another data directory, or ${useDatabaseUrl}.`,
    );
  }
  requireOwnFolder(folder, account);
  return { folder, passwordFile: join(dataDirectory, "password"), account, isClosedIn: closed !== undefined };
}

function requireOwnFolder(folder: string, account: ServerAccount | undefined): void {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined || account !== undefined || stats.uid === process.getuid?.()) {
    return;
  }
  throw new EmbeddedPostgresError(
    `The database in ${folder} belongs to user ${stats.uid}: start as that user or as root, or give the folder to ` +
      `this user with \`chown -R\`.`,
  );
}

/** How a program of Postgres is to be started so that it can reach `folder`, which it must be told to call `name`. */
export function toServerView(place: ClusterPlace, folder: string) {
  return {
    name: place.isClosedIn ? "/proc/self/cwd" : folder,
    options: {
      cwd: folder,
      // Nothing of our own environment: it holds keys that are none of the server's business.
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
      ...place.account,
    },
  };
}

/** Makes the cluster if there is none yet: UTF8, C locale, checksums, password from a file that only its owner reads. */
export async function createClusterIfAbsent(place: ClusterPlace, native: NativeTree): Promise<void> {
  if (existsSync(place.folder)) {
    return;
  }
  // An initdb that was cut short leaves half a cluster, so the real name is given only to a whole one.
  const draft = `${place.folder}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  await writeFile(place.passwordFile, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  if (place.account !== undefined) {
    for (const path of [draft, place.passwordFile]) {
      chownSync(path, place.account.uid, place.account.gid);
    }
  }
  const passwordHandle = openSync(place.passwordFile, "r");
  try {
    await runInitdb({ place, native, draft, passwordHandle });
  } finally {
    closeSync(passwordHandle);
  }
  renameSync(draft, place.folder);
}

/** Reads the superuser's password. */
export function readPassword(place: ClusterPlace): string {
  try {
    return readFileSync(place.passwordFile, "utf8").trim();
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The password of the database in ${place.folder} cannot be read (${(error as Error).message}): put that file back, ` +
        `choose another data directory, or ${useDatabaseUrl}.`,
      { cause: error },
    );
  }
}

interface InitdbRun {
  readonly place: ClusterPlace;
  readonly native: NativeTree;
  readonly draft: string;
  readonly passwordHandle: number;
}

function runInitdb({ place, native, draft, passwordHandle }: InitdbRun): Promise<void> {
  const { name, options } = toServerView(place, draft);
  const passwordName = place.isClosedIn ? "/proc/self/fd/3" : place.passwordFile;
  const parameters = ["-D", name, "-U", superuser, "-E", "UTF8", "--locale=C", "-A", "scram-sha-256"];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const initdb = spawn(native.initdb, [...parameters, `--pwfile=${passwordName}`], {
    ...options,
    stdio: ["ignore", "ignore", "pipe", passwordHandle],
  });
  let complaint = "";
  initdb.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  initdb.on("error", (error) => reject(initdbError(dirname(draft), error.message)));
  initdb.on("close", (code, signal) =>
    code === 0 ? resolve() : reject(initdbError(dirname(draft), complaint.trim() || `ended with ${signal ?? code}`)),
  );
  return promise;
}

function initdbError(dataDirectory: string, reason: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The embedded database could not be made in ${dataDirectory}: ${reason}. If this cannot be mended, ${useDatabaseUrl}.`,
  );
}
