/*
 * The only home of SQL. Whoever changes the configuration does it like this:
 *
 *   const { value, revision, changes } = await store.inWriteTransaction({ source, dryRun }, async (transaction) => {
 *     const stored = await findEndpoint(transaction.queries, { name: "chat" });
 *     ...                                     // rules first: endpointViolations(...), refuseViolations(...)
 *     return await replaceEndpoint(transaction, stored, wanted);
 *   });
 *
 * The transaction holds the lock of the revision counter from its first statement on, so writes go one after the other.
 * Every insert*, replace* and delete* records its change by itself (`recordChange`); replace* compares first and does
 * nothing when nothing differs. A write without changes makes no revision; `dryRun` rolls back what it did and still
 * tells the changes. An insert belongs to the transaction's source, a replace leaves the owner as it is. Delete endpoints
 * before model definitions, and those before secrets; write them the other way round.
 */
export { deleteApiKey, insertApiKey, listApiKeys, replaceApiKey } from "./api-key-rows.ts";
export { deleteBudget, insertBudget, listBudgets, replaceBudget, type StoredBudget } from "./budget-rows.ts";
export { listRevisions, readChangedIds, readRevision } from "./change-log.ts";
export { createId } from "./columns.ts";
export { type ConfigStore, openConfigStore } from "./config-store.ts";
export { isDatabaseUnavailable, toStoreError } from "./database-error.ts";
export { startDatabaseLink } from "./database-link.ts";
export { deleteEndpoint, findEndpoint, insertEndpoint, listEndpoints, replaceEndpoint } from "./endpoint-rows.ts";
export { migrate } from "./migrate.ts";
export {
  deleteModelDefinition,
  findModelDefinition,
  insertModelDefinition,
  listModelDefinitions,
  replaceModelDefinition,
} from "./model-definition-rows.ts";
export { runOnce } from "./run-once.ts";
export {
  deleteSecret,
  findSecret,
  insertSecret,
  listSecrets,
  replaceSecret,
  type StoredSecret,
} from "./secret-rows.ts";
export type { Queries, ResourceType, WriteTransaction } from "./write-transaction.ts";
