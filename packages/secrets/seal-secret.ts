import { createSecretKey, randomBytes } from "node:crypto";
import type { configV1 } from "#contracts";
import { decrypt, encrypt } from "./authenticated-encryption.ts";
import { type KeyEncryptionKey, keyBytes } from "./key-encryption-key.ts";
import { Secret } from "./secret.ts";
import { SecretUnreadableError } from "./secret-unreadable-error.ts";

/** What a secret is before it is encrypted. */
export interface SecretContent {
  readonly secretId: string;
  readonly secretName: string;
  readonly provider: string;
  readonly value: Secret;
  /** Stored in the clear. */
  readonly authConfig: Readonly<Record<string, string>>;
}

/** Encrypts a secret by a new random data key, which the key-encryption key wraps. Both are bound to its id and name. */
export function sealSecret(content: SecretContent, keyEncryptionKey: KeyEncryptionKey): configV1.SealedSecret {
  const dataKey = randomBytes(keyBytes);
  const plaintext = Buffer.from(JSON.stringify(content.value.reveal()));
  try {
    return {
      secretId: content.secretId,
      secretName: content.secretName,
      provider: content.provider,
      ciphertext: encrypt(createSecretKey(dataKey), plaintext, associatedData("value", content)),
      wrappedDataKey: keyEncryptionKey.wrap(dataKey, associatedData("data key", content)),
      keyId: keyEncryptionKey.keyId,
      authConfig: { ...content.authConfig },
    };
  } finally {
    dataKey.fill(0);
    plaintext.fill(0);
  }
}

/** What identifies and encrypts a stored secret: the part of `SealedSecret` that opening it needs. */
export type SealedValue = Pick<
  configV1.SealedSecret,
  "secretId" | "secretName" | "ciphertext" | "wrappedDataKey" | "keyId"
>;

/** Opens a sealed secret; throws `SecretUnreadableError` if the key is another, or the bytes, id or name were changed. */
export function openSecret(sealed: SealedValue, keyEncryptionKey: KeyEncryptionKey): Secret {
  const dataKey = keyEncryptionKey.unwrap(sealed.wrappedDataKey, associatedData("data key", sealed));
  const plaintext =
    dataKey?.byteLength === keyBytes
      ? decrypt(createSecretKey(dataKey), sealed.ciphertext, associatedData("value", sealed))
      : undefined;
  dataKey?.fill(0);
  if (plaintext === undefined) {
    throw new SecretUnreadableError({
      secretId: sealed.secretId,
      keyId: sealed.keyId,
      heldKeyId: keyEncryptionKey.keyId,
    });
  }
  const values: Record<string, string> = JSON.parse(plaintext.toString());
  plaintext.fill(0);
  return new Secret(values);
}

/** Tells the two ciphertexts of one secret apart, and both from those of any other; JSON keeps id and name from running together. */
function associatedData(part: "value" | "data key", of: { secretId: string; secretName: string }): Buffer {
  return Buffer.from(JSON.stringify([`spillway secret ${part} v1`, of.secretId, of.secretName]));
}
