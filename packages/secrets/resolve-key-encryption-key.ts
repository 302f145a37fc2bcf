import { scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { KeyEncryptionKey, keyBytes } from "./key-encryption-key.ts";

const filePrefix = "file:";
const shortestPassphrase = 16;

/**
 * Makes the key-encryption key that a setting describes: 32 bytes as hexadecimal (64 digits) or base64 (43 or 44
 * characters, either alphabet), `file:` and the path of a file that holds any of these forms, or any other text as a
 * passphrase of at least 16 characters, from which the key is derived by scrypt (N 131072, r 8, p 1, a fixed salt, so
 * that every process that is given the passphrase has the same key; about half a second and 128 MiB, once).
 * Throws an Error that says what is wrong, without the text itself.
 */
export function resolveKeyEncryptionKey(setting: string): KeyEncryptionKey {
  return setting.startsWith(filePrefix) ? fromFile(setting.slice(filePrefix.length)) : fromText(setting.trim());
}

function fromFile(location: string): KeyEncryptionKey {
  const path = location.replace(/^\/\/(?=\/)/, "");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`the key file ${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`);
  }
  try {
    return fromText(text.trim());
  } catch (error) {
    throw new Error(`the key file ${path}: ${(error as Error).message}`);
  }
}

function fromText(text: string): KeyEncryptionKey {
  const bytes = decodeKey(text) ?? deriveKey(text);
  const key = new KeyEncryptionKey(bytes);
  bytes.fill(0);
  return key;
}

/** The 32 bytes that a text writes out as hexadecimal or base64; undefined if it does not. */
export function decodeKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) {
    return Buffer.from(text, "hex");
  }
  if (!/^(?:[A-Za-z0-9+/]{43}=?|[A-Za-z0-9_-]{43}=?)$/.test(text)) {
    return undefined;
  }
  const bytes = Buffer.from(text, "base64");
  return bytes.byteLength === keyBytes ? bytes : undefined;
}

function deriveKey(passphrase: string): Buffer {
  if ([...passphrase].length < shortestPassphrase) {
    throw new Error(
      `a key-encryption key is 32 bytes as base64 or hexadecimal, or a passphrase of at least ${shortestPassphrase} ` +
        'characters; "openssl rand -base64 32" makes one',
    );
  }
  return scryptSync(passphrase.normalize("NFC"), "spillway key-encryption key v1", keyBytes, {
    N: 2 ** 17,
    r: 8,
    p: 1,
    maxmem: 256 * 1024 * 1024,
  });
}
