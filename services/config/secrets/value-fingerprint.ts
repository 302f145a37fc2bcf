import type { KeyEncryptionKey } from "#secrets";

/** By which two values of secrets can be told to be equal, in whatever order their keys come; safe to store, as it is keyed. */
export function valueFingerprint(value: Readonly<Record<string, string>>, keyEncryptionKey: KeyEncryptionKey): string {
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return keyEncryptionKey.fingerprint(JSON.stringify(entries));
}
