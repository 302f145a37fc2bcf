import { deleteApiKey, insertApiKey, replaceApiKey, type WriteTransaction } from "../store/index.ts";
import type { ApplyScope } from "./apply-scope.ts";
import { toApiKey } from "./document-messages.ts";

/**
 * Makes the stored API keys what a document says. A value is stored once at any time, so keys that go do so first; and a
 * key that takes over the value of another one is deleted and made anew, since keys may swap their values.
 */
export async function writeApiKeys(
  transaction: WriteTransaction,
  { document, stored, gone }: ApplyScope,
): Promise<void> {
  const holders = new Map([...stored.keys].map(([name, { value }]) => [value.keyHash.toString("hex"), name]));
  const wanted = new Map(document.keys.map((entry) => [entry.name, toApiKey(entry)]));
  const kept = new Map<string, NonNullable<ReturnType<typeof stored.keys.get>>["value"]>();
  for (const [name, { value }] of stored.keys) {
    const holder = holders.get(wanted.get(name)?.keyHash.toString("hex") ?? "") ?? name;
    if (gone.keys.has(name) || (holder !== name && !gone.keys.has(holder))) {
      await deleteApiKey(transaction, value);
    } else {
      kept.set(name, value);
    }
  }
  for (const [name, key] of wanted) {
    const before = kept.get(name);
    if (before !== undefined) {
      await replaceApiKey(transaction, before, key);
    }
  }
  for (const [name, key] of wanted) {
    if (!kept.has(name)) {
      await insertApiKey(transaction, key);
    }
  }
}
