import { createHmac, createSecretKey, hash, hkdfSync, type KeyObject } from "node:crypto";
import { inspect } from "node:util";
import { decrypt, encrypt } from "./authenticated-encryption.ts";

/** Length of every key of this folder, in bytes. */
export const keyBytes = 32;

/** The key that wraps the data key of every secret. It cannot be printed, compared or read back. */
export class KeyEncryptionKey {
  /** The first 16 hexadecimal digits of the key's SHA-256; safe to store and to log. */
  readonly keyId: string;
  readonly #key: KeyObject;

  /** Throws if there are not exactly 32 bytes. The bytes are copied; the caller may wipe its own. */
  constructor(bytes: Uint8Array) {
    if (bytes.byteLength !== keyBytes) {
      throw new Error(`a key-encryption key has ${keyBytes} bytes, not ${bytes.byteLength}`);
    }
    this.keyId = hash("sha256", bytes).slice(0, 16);
    this.#key = createSecretKey(bytes);
  }

  /** Encrypts a data key. */
  wrap(dataKey: Uint8Array, associatedData: Uint8Array): Buffer {
    return encrypt(this.#key, dataKey, associatedData);
  }

  /** The data key that was wrapped; undefined if it was wrapped by another key or for something else, or changed. */
  unwrap(wrapped: Uint8Array, associatedData: Uint8Array): Buffer | undefined {
    return decrypt(this.#key, wrapped, associatedData);
  }

  /**
   * A keyed hash by which two secret contents can be told to be equal, 64 hexadecimal digits. Unlike a plain hash it
   * may be stored: without the key nobody can try guesses against it.
   */
  fingerprint(content: string): string {
    const key = Buffer.from(hkdfSync("sha256", this.#key, "", "spillway fingerprint v1", keyBytes));
    return createHmac("sha256", key).update(content).digest("hex");
  }

  toString(): string {
    return `KeyEncryptionKey(${this.keyId})`;
  }

  toJSON(): { keyId: string } {
    return { keyId: this.keyId };
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
