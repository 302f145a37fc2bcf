import type { configV1 } from "#contracts";
import { type KeyEncryptionKey, openSecret, type Secret, SecretUnreadableError } from "#secrets";

/**
 * Whether this value is the one that is sealed. One that cannot be opened with the key at hand counts as another: writing it
 * again is how it is mended.
 */
export function holdsValue(sealed: configV1.SealedSecret, value: Secret, keyEncryptionKey: KeyEncryptionKey): boolean {
  try {
    return openSecret(sealed, keyEncryptionKey).equals(value);
  } catch (thrown) {
    if (thrown instanceof SecretUnreadableError) {
      return false;
    }
    throw thrown;
  }
}
