import type { KeyEncryptionKey } from "#secrets";
import {
  deleteBudget,
  deleteEndpoint,
  deleteModelDefinition,
  deleteSecret,
  insertBudget,
  insertEndpoint,
  insertModelDefinition,
  replaceBudget,
  replaceEndpoint,
  replaceModelDefinition,
  type WriteTransaction,
} from "../store/index.ts";
import type { ApplyScope } from "./apply-scope.ts";
import { toEndpoint, toModelDefinition } from "./document-messages.ts";
import { writeApiKeys } from "./write-api-keys.ts";
import { writeSecrets } from "./write-secrets.ts";

/** Makes what is stored what a valid document says. What is already so is not written. */
export async function writeDocument(
  transaction: WriteTransaction,
  scope: ApplyScope,
  keyEncryptionKey: KeyEncryptionKey,
): Promise<void> {
  const secretIds = await writeSecrets(transaction, scope, keyEncryptionKey);
  const modelIds = await writeModels(transaction, scope, secretIds);
  await writeEndpoints(transaction, scope, modelIds);
  await writeApiKeys(transaction, scope);
  await writeBudgets(transaction, scope);
  await deleteGone(transaction, scope);
}

/** Ids of things by their names. */
type IdsByName = ReadonlyMap<string, string | undefined>;

async function writeModels(
  transaction: WriteTransaction,
  { document, stored }: ApplyScope,
  secretIds: IdsByName,
): Promise<IdsByName> {
  const modelIds = new Map([...stored.models].map(([name, { value }]) => [name, value.modelDefinitionId]));
  for (const entry of document.models) {
    const wanted = toModelDefinition(entry, secretIds.get(entry.secret));
    const before = stored.models.get(entry.name)?.value;
    const { modelDefinitionId } =
      before === undefined
        ? await insertModelDefinition(transaction, wanted)
        : await replaceModelDefinition(transaction, before, wanted);
    modelIds.set(entry.name, modelDefinitionId);
  }
  return modelIds;
}

async function writeEndpoints(
  transaction: WriteTransaction,
  { document, stored }: ApplyScope,
  modelIds: IdsByName,
): Promise<void> {
  for (const entry of document.endpoints) {
    const wanted = toEndpoint(entry, (name) => modelIds.get(name));
    const before = stored.endpoints.get(entry.name)?.value;
    if (before === undefined) {
      await insertEndpoint(transaction, wanted);
    } else {
      // A document has no keys for these two: what was set by API stays.
      const { experimentId, usageTracking } = before;
      await replaceEndpoint(transaction, before, { ...wanted, experimentId, usageTracking });
    }
  }
}

async function writeBudgets(transaction: WriteTransaction, { document, stored }: ApplyScope): Promise<void> {
  for (const entry of document.budgets) {
    const before = stored.budgets.get(entry.name)?.value;
    if (before === undefined) {
      await insertBudget(transaction, entry);
    } else {
      await replaceBudget(transaction, before, entry);
    }
  }
}

/** Deletes what the document no longer names, users before what they use. API keys went before. */
async function deleteGone(transaction: WriteTransaction, { stored, gone }: ApplyScope): Promise<void> {
  for (const [name, { value }] of stored.budgets) {
    if (gone.budgets.has(name)) {
      await deleteBudget(transaction, value);
    }
  }
  for (const [name, { value }] of stored.endpoints) {
    if (gone.endpoints.has(name)) {
      await deleteEndpoint(transaction, value);
    }
  }
  for (const [name, { value }] of stored.models) {
    if (gone.models.has(name)) {
      await deleteModelDefinition(transaction, value);
    }
  }
  for (const [name, { value }] of stored.secrets) {
    if (gone.secrets.has(name)) {
      await deleteSecret(transaction, value);
    }
  }
}
