import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { KeyEncryptionKey, keyBytes } from "./key-encryption-key.ts";
import { KeyFileError } from "./key-file-error.ts";
import { decodeKey } from "./resolve-key-encryption-key.ts";

/**
 * The key-encryption key that a file holds; where there is no file yet, a new random key is written to it with mode
 * 0600, whole or not at all, so that of several starters at once all get the same one. Throws `KeyFileError` if others than
 * the owner may read the file, if it cannot be read, or if it holds no key.
 */
export function openOrCreateKeyFile(path: string): KeyEncryptionKey {
  return readKeyFile(path) ?? createKeyFile(path);
}

function readKeyFile(path: string): KeyEncryptionKey | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw unreadable(path, error);
  }
  try {
    const mode = fstatSync(file).mode & 0o777;
    if ((mode & 0o077) !== 0 && process.platform !== "win32") {
      throw new KeyFileError(
        `the key file ${path} may be read by others (mode 0${mode.toString(8)}): run "chmod 600 ${path}", and replace ` +
          "the key if somebody may have read it",
      );
    }
    const bytes = decodeKey(readText(file, path).trim());
    if (bytes === undefined) {
      throw new KeyFileError(
        `the key file ${path} does not hold 32 bytes as base64; put back the file that secrets were written with`,
      );
    }
    return new KeyEncryptionKey(bytes);
  } finally {
    closeSync(file);
  }
}

function readText(file: number, path: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): KeyFileError {
  const reason = (cause as NodeJS.ErrnoException).code ?? "unknown";
  const message = `the key file ${path} cannot be read: ${reason}; it must be a file of the user who starts this`;
  return new KeyFileError(message, { cause });
}

function createKeyFile(path: string): KeyEncryptionKey {
  const bytes = randomBytes(keyBytes);
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const file = openSync(draft, "wx", 0o600);
  try {
    fchmodSync(file, 0o600);
    writeSync(file, `${bytes.toString("base64")}\n`);
    fsyncSync(file);
    linkSync(draft, path);
  } catch (error) {
    // Another starter was first: its key is the one.
    const winner = (error as NodeJS.ErrnoException).code === "EEXIST" ? readKeyFile(path) : undefined;
    if (winner === undefined) {
      throw error;
    }
    return winner;
  } finally {
    closeSync(file);
    unlinkSync(draft);
  }
  return new KeyEncryptionKey(bytes);
}
