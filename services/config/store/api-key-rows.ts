import { configV1 } from "#contracts";
import { differingFields, type Field } from "../field-table.ts";
import { createId, decodeColumn, encodeColumn } from "./columns.ts";
import { recordOf } from "./record-of.ts";
import type { Queries, WriteTransaction } from "./write-transaction.ts";

interface ApiKeyRow {
  key_id: string;
  name: string;
  key_hash: Buffer;
  endpoints: string[];
  limits: Buffer | null;
  created_at: Date;
  last_updated_at: Date;
  revision: string;
  source: string;
}

const apiKeyFields: readonly Field<configV1.ApiKey>[] = [
  { key: "name", path: "name", fileName: "name" },
  { key: "keyHash", path: "key_hash", fileName: "value" },
  { key: "endpoints", path: "endpoints", fileName: "endpoints" },
  { key: "limits", path: "limits", fileName: "limits" },
];

const record = recordOf<configV1.ApiKey>("key", (of) => ({ resourceId: of.keyId, name: of.name }));

/** API keys by name. `endpointName` leaves those that name this endpoint; one that may use all names none. */
export async function listApiKeys(
  queries: Queries,
  filter: { readonly keyIds?: readonly string[]; readonly endpointName?: string } = {},
): Promise<configV1.ApiKey[]> {
  const query = queries<ApiKeyRow>("api_keys").orderBy("name");
  if (filter.keyIds !== undefined) {
    query.whereRaw("key_id = any(?)", [[...filter.keyIds]]);
  }
  if (filter.endpointName !== undefined) {
    query.whereRaw("? = any(endpoints)", [filter.endpointName]);
  }
  return (await query).map(fromRow);
}

/** Stores a new key of the transaction's source, and records it. Fields that the service sets are ignored. */
export async function insertApiKey(transaction: WriteTransaction, wanted: configV1.ApiKey): Promise<configV1.ApiKey> {
  const { queries, source, at, revision } = transaction;
  const [row] = await queries<ApiKeyRow>("api_keys")
    .insert({
      key_id: createId("k"),
      ...contentColumns(wanted),
      created_at: at,
      last_updated_at: at,
      revision: String(revision),
      source,
    })
    .returning("*");
  const stored = fromRow(row as ApiKeyRow);
  record(transaction, stored, { kind: configV1.ChangeKind.CREATED });
  return stored;
}

/** Makes a stored key what is wanted, and records the fields that differ; writes nothing when none does. The owner stays. */
export async function replaceApiKey(
  transaction: WriteTransaction,
  stored: configV1.ApiKey,
  wanted: configV1.ApiKey,
): Promise<configV1.ApiKey> {
  const fields = differingFields(configV1.ApiKey, apiKeyFields, [stored, wanted]);
  if (fields.length === 0) {
    return stored;
  }
  const { queries, at, revision } = transaction;
  const [row] = await queries<ApiKeyRow>("api_keys")
    .where({ key_id: stored.keyId })
    .update({ ...contentColumns(wanted), last_updated_at: at, revision: String(revision) })
    .returning("*");
  const written = fromRow(row as ApiKeyRow);
  record(transaction, written, { kind: configV1.ChangeKind.UPDATED, fields });
  return written;
}

/** Deletes a key and records it. */
export async function deleteApiKey(transaction: WriteTransaction, stored: configV1.ApiKey): Promise<void> {
  await transaction.queries("api_keys").where({ key_id: stored.keyId }).delete();
  record(transaction, stored, { kind: configV1.ChangeKind.DELETED });
}

function contentColumns(wanted: configV1.ApiKey) {
  return {
    name: wanted.name,
    key_hash: Buffer.from(wanted.keyHash),
    endpoints: [...wanted.endpoints],
    limits: encodeColumn(configV1.ApiKeyLimits, wanted.limits),
  };
}

function fromRow(row: ApiKeyRow): configV1.ApiKey {
  return {
    keyId: row.key_id,
    name: row.name,
    keyHash: row.key_hash,
    endpoints: row.endpoints,
    limits: decodeColumn(configV1.ApiKeyLimits, row.limits),
    revision: BigInt(row.revision),
    source: row.source,
  };
}
