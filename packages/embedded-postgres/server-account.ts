import { readFileSync, statSync } from "node:fs";
import { EmbeddedPostgresError, useDatabaseUrl } from "./embedded-postgres-error.ts";

/** The unprivileged user and group that the server runs under. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Chooses who runs the server. Postgres refuses to run as root, so root hands it to the owner of the cluster that is
 * already there, else to the machine's `postgres`, else to `nobody`. `undefined` means: as ourselves, we are not root.
 */
export function chooseServerAccount(clusterFolder: string, accountsFile = "/etc/passwd"): ServerAccount | undefined {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  const existing = statSync(clusterFolder, { throwIfNoEntry: false });
  if (existing !== undefined && existing.uid !== 0) {
    return { uid: existing.uid, gid: existing.gid };
  }
  const accounts = readAccounts(accountsFile);
  const account = accounts.get("postgres") ?? accounts.get("nobody");
  if (account !== undefined) {
    return account;
  }
  throw new EmbeddedPostgresError(
    `The embedded Postgres refuses to run as root, and ${accountsFile} has neither "postgres" nor "nobody" to run it: ` +
      `start as another user, or ${useDatabaseUrl}.`,
  );
}

// initdb looks its own user up by number and stops when there is no such entry, so an invented number would not do.
function readAccounts(accountsFile: string): Map<string, ServerAccount> {
  const accounts = new Map<string, ServerAccount>();
  for (const line of readFileSync(accountsFile, "utf8").split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name !== undefined && Number(uid) > 0) {
      accounts.set(name, { uid: Number(uid), gid: Number(gid) });
    }
  }
  return accounts;
}
