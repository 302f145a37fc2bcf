import { configV1 } from "#contracts";
import { type Page, takePage, toEtag, toMilliseconds } from "./columns.ts";
import { recordOf } from "./record-of.ts";
import type { Queries, WriteTransaction } from "./write-transaction.ts";

/** A credential as it is stored: what reads show, and what opens it. */
export interface StoredSecret {
  readonly info: configV1.GatewaySecretInfo;
  readonly sealed: configV1.SealedSecret;
}

/** What a credential is to be. `maskedValues` and `sealed` must come from one value. */
export interface WantedSecret {
  /** Holds the id, the name, the provider and the `auth_config` too. */
  readonly sealed: configV1.SealedSecret;
  readonly maskedValues: Readonly<Record<string, string>>;
  /** Who writes, as the caller said. */
  readonly writtenBy: string | undefined;
}

interface SecretRow {
  secret_id: string;
  name: string;
  provider: string;
  ciphertext: Buffer;
  wrapped_data_key: Buffer;
  key_id: string;
  masked_values: Record<string, string>;
  auth_config: Record<string, string>;
  created_by: string | null;
  last_updated_by: string | null;
  created_at: Date;
  last_updated_at: Date;
  revision: string;
  source: string;
}

const record = recordOf<StoredSecret>("secret", ({ sealed }) => ({
  resourceId: sealed.secretId,
  name: sealed.secretName,
}));

/** Credentials by name. */
export async function listSecrets(
  queries: Queries,
  filter: Partial<Page> & { readonly provider?: string; readonly secretIds?: readonly string[] } = {},
): Promise<StoredSecret[]> {
  const query = queries<SecretRow>("secrets").orderBy("name");
  if (filter.provider !== undefined) {
    query.where("provider", filter.provider);
  }
  if (filter.secretIds !== undefined) {
    query.whereRaw("secret_id = any(?)", [[...filter.secretIds]]);
  }
  takePage(query, "name", filter);
  return (await query).map(fromRow);
}

/** The credential of this id or name; undefined when there is none. */
export async function findSecret(
  queries: Queries,
  reference: { readonly secretId: string } | { readonly name: string },
): Promise<StoredSecret | undefined> {
  const where = "name" in reference ? { name: reference.name } : { secret_id: reference.secretId };
  const row = await queries<SecretRow>("secrets").where(where).first();
  return row === undefined ? undefined : fromRow(row);
}

/** Stores a new credential of the transaction's source, and records it. */
export async function insertSecret(transaction: WriteTransaction, wanted: WantedSecret): Promise<StoredSecret> {
  const { queries, source, at, revision } = transaction;
  const { sealed } = wanted;
  const [row] = await queries<SecretRow>("secrets")
    .insert({
      secret_id: sealed.secretId,
      name: sealed.secretName,
      ...contentColumns(wanted),
      created_by: wanted.writtenBy ?? null,
      created_at: at,
      last_updated_at: at,
      revision: String(revision),
      source,
    })
    .returning("*");
  const stored = fromRow(row as SecretRow);
  record(transaction, stored, { kind: configV1.ChangeKind.CREATED });
  return stored;
}

/**
 * Stores a credential anew and records it, with the fields that differ: some of `provider`, `value`, `auth_config`. With
 * no field it writes nothing. Whether the value differs is for the caller to tell, who can open it. The owner stays.
 */
export async function replaceSecret(
  transaction: WriteTransaction,
  stored: StoredSecret,
  wanted: WantedSecret & { readonly fields: readonly string[] },
): Promise<StoredSecret> {
  if (wanted.fields.length === 0) {
    return stored;
  }
  const { queries, at, revision } = transaction;
  const [row] = await queries<SecretRow>("secrets")
    .where({ secret_id: stored.sealed.secretId })
    .update({ ...contentColumns(wanted), last_updated_at: at, revision: String(revision) })
    .returning("*");
  const written = fromRow(row as SecretRow);
  record(transaction, written, { kind: configV1.ChangeKind.UPDATED, fields: wanted.fields });
  return written;
}

/** Deletes a credential and records it. Fails while a model definition uses it. */
export async function deleteSecret(transaction: WriteTransaction, stored: StoredSecret): Promise<void> {
  await transaction.queries<SecretRow>("secrets").where({ secret_id: stored.sealed.secretId }).delete();
  record(transaction, stored, { kind: configV1.ChangeKind.DELETED });
}

function contentColumns({ sealed, maskedValues, writtenBy }: WantedSecret) {
  return {
    provider: sealed.provider,
    ciphertext: Buffer.from(sealed.ciphertext),
    wrapped_data_key: Buffer.from(sealed.wrappedDataKey),
    key_id: sealed.keyId,
    masked_values: { ...maskedValues },
    auth_config: { ...sealed.authConfig },
    last_updated_by: writtenBy ?? null,
  };
}

function fromRow(row: SecretRow): StoredSecret {
  const revision = BigInt(row.revision);
  return {
    info: configV1.GatewaySecretInfo.fromPartial({
      secretId: row.secret_id,
      secretName: row.name,
      maskedValues: row.masked_values,
      createdAt: toMilliseconds(row.created_at),
      lastUpdatedAt: toMilliseconds(row.last_updated_at),
      provider: row.provider,
      createdBy: row.created_by ?? undefined,
      lastUpdatedBy: row.last_updated_by ?? undefined,
      authConfig: row.auth_config,
      etag: toEtag(revision),
      revision,
      source: row.source,
    }),
    sealed: configV1.SealedSecret.fromPartial({
      secretId: row.secret_id,
      secretName: row.name,
      provider: row.provider,
      ciphertext: row.ciphertext,
      wrappedDataKey: row.wrapped_data_key,
      keyId: row.key_id,
      authConfig: row.auth_config,
    }),
  };
}
