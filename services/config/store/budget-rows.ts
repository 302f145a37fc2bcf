import { configV1 } from "#contracts";
import { differingFields, type Field } from "../field-table.ts";
import { createId } from "./columns.ts";
import { recordOf } from "./record-of.ts";
import type { Queries, WriteTransaction } from "./write-transaction.ts";

/** A budget as it is stored. */
export interface StoredBudget {
  readonly budgetId: string;
  readonly definition: configV1.BudgetEntry;
  readonly revision: bigint;
  readonly source: string;
}

interface BudgetRow {
  budget_id: string;
  name: string;
  definition: Buffer;
  created_at: Date;
  last_updated_at: Date;
  revision: string;
  source: string;
}

const budgetFields: readonly Field<configV1.BudgetEntry>[] = [
  { key: "name", path: "name", fileName: "name" },
  { key: "unit", path: "unit", fileName: "unit" },
  { key: "amount", path: "amount", fileName: "amount" },
  { key: "duration", path: "duration", fileName: "duration" },
  { key: "scope", path: "scope", fileName: "scope" },
  { key: "action", path: "action", fileName: "action" },
];

const record = recordOf<StoredBudget>("budget", (of) => ({ resourceId: of.budgetId, name: of.definition.name }));

/** Budgets by name. */
export async function listBudgets(queries: Queries): Promise<StoredBudget[]> {
  return (await queries<BudgetRow>("budgets").orderBy("name")).map(fromRow);
}

/** Stores a new budget of the transaction's source, and records it. */
export async function insertBudget(
  transaction: WriteTransaction,
  definition: configV1.BudgetEntry,
): Promise<StoredBudget> {
  const { queries, source, at, revision } = transaction;
  const [row] = await queries<BudgetRow>("budgets")
    .insert({
      budget_id: createId("bp"),
      name: definition.name,
      definition: encode(definition),
      created_at: at,
      last_updated_at: at,
      revision: String(revision),
      source,
    })
    .returning("*");
  const stored = fromRow(row as BudgetRow);
  record(transaction, stored, { kind: configV1.ChangeKind.CREATED });
  return stored;
}

/** Makes a stored budget what is wanted, and records the fields that differ; writes nothing when none does. The owner stays. */
export async function replaceBudget(
  transaction: WriteTransaction,
  stored: StoredBudget,
  definition: configV1.BudgetEntry,
): Promise<StoredBudget> {
  const fields = differingFields(configV1.BudgetEntry, budgetFields, [stored.definition, definition]);
  if (fields.length === 0) {
    return stored;
  }
  const { queries, at, revision } = transaction;
  const [row] = await queries<BudgetRow>("budgets")
    .where({ budget_id: stored.budgetId })
    .update({
      name: definition.name,
      definition: encode(definition),
      last_updated_at: at,
      revision: String(revision),
    })
    .returning("*");
  const written = fromRow(row as BudgetRow);
  record(transaction, written, { kind: configV1.ChangeKind.UPDATED, fields });
  return written;
}

/** Deletes a budget and records it. */
export async function deleteBudget(transaction: WriteTransaction, stored: StoredBudget): Promise<void> {
  await transaction.queries("budgets").where({ budget_id: stored.budgetId }).delete();
  record(transaction, stored, { kind: configV1.ChangeKind.DELETED });
}

function encode(definition: configV1.BudgetEntry): Buffer {
  return Buffer.from(configV1.BudgetEntry.encode(definition).finish());
}

function fromRow(row: BudgetRow): StoredBudget {
  return {
    budgetId: row.budget_id,
    definition: configV1.BudgetEntry.decode(row.definition),
    revision: BigInt(row.revision),
    source: row.source,
  };
}
