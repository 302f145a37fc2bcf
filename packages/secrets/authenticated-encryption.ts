import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from "node:crypto";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM with a fresh random nonce: 12 bytes nonce, ciphertext, 16 bytes tag. */
export function encrypt(key: KeyObject, plaintext: Uint8Array, associatedData: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associatedData);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext of what `encrypt` gave; undefined if the key, the associated data or a single bit is another. */
export function decrypt(key: KeyObject, sealed: Uint8Array, associatedData: Uint8Array): Buffer | undefined {
  if (sealed.byteLength < nonceBytes + tagBytes) {
    return undefined;
  }
  const end = sealed.byteLength - tagBytes;
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(associatedData);
  decipher.setAuthTag(sealed.subarray(end));
  const start = decipher.update(sealed.subarray(nonceBytes, end));
  try {
    return Buffer.concat([start, decipher.final()]);
  } catch {
    return undefined;
  }
}
