import type { configV1 } from "#contracts";
import { type KeyEncryptionKey, Secret, sealSecret } from "#secrets";
import { holdsValue } from "../secrets/holds-value.ts";
import { createId, insertSecret, replaceSecret, type StoredSecret, type WriteTransaction } from "../store/index.ts";
import type { ApplyScope } from "./apply-scope.ts";

/** Stores the secrets of a document that are new or different, and gives the ids of all secrets by name. */
export async function writeSecrets(
  transaction: WriteTransaction,
  { document, stored }: ApplyScope,
  keyEncryptionKey: KeyEncryptionKey,
): Promise<Map<string, string>> {
  const ids = new Map([...stored.secrets].map(([name, { value }]) => [name, value.sealed.secretId]));
  for (const entry of document.secrets) {
    const before = stored.secrets.get(entry.name)?.value;
    const secretId = before?.sealed.secretId ?? createId("s");
    const fields = before === undefined ? [] : differingFields(before, entry, keyEncryptionKey);
    ids.set(entry.name, secretId);
    if (before !== undefined && fields.length === 0) {
      continue;
    }
    const value = new Secret(entry.value);
    const content = { secretId, secretName: entry.name, provider: entry.provider, value, authConfig: entry.authConfig };
    const wanted = {
      sealed: sealSecret(content, keyEncryptionKey),
      maskedValues: value.masked(),
      writtenBy: undefined,
    };
    await (before === undefined
      ? insertSecret(transaction, wanted)
      : replaceSecret(transaction, before, { ...wanted, fields }));
  }
  return ids;
}

function differingFields(
  { sealed }: StoredSecret,
  entry: configV1.SecretEntry,
  keyEncryptionKey: KeyEncryptionKey,
): string[] {
  return [
    ...(sealed.provider === entry.provider ? [] : ["provider"]),
    ...(holdsValue(sealed, new Secret(entry.value), keyEncryptionKey) ? [] : ["value"]),
    ...(new Secret(sealed.authConfig).equals(new Secret(entry.authConfig)) ? [] : ["auth_config"]),
  ];
}
