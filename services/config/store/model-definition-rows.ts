import { configV1 } from "#contracts";
import { differingFields } from "../field-table.ts";
import { modelDefinitionFields } from "../model-definitions/model-definition-fields.ts";
import {
  createId,
  decodeColumn,
  differingColumns,
  encodeColumn,
  type Page,
  takePage,
  toEtag,
  toMilliseconds,
  toOptionalBigint,
} from "./columns.ts";
import { recordOf } from "./record-of.ts";
import type { Queries, WriteTransaction } from "./write-transaction.ts";

type ModelDefinition = configV1.GatewayModelDefinition;

interface ModelDefinitionRow {
  model_definition_id: string;
  name: string;
  secret_id: string | null;
  provider: string;
  model_name: string;
  base_url: string | null;
  context_window: string | null;
  max_output_tokens: string | null;
  capabilities: string[];
  propagate_trace_context: boolean | null;
  price: Buffer | null;
  policy: Buffer | null;
  probe: Buffer | null;
  created_by: string | null;
  last_updated_by: string | null;
  created_at: Date;
  last_updated_at: Date;
  revision: string;
  source: string;
}

interface ModelDefinitionFilter extends Partial<Page> {
  readonly provider?: string;
  readonly secretId?: string;
  readonly modelDefinitionIds?: readonly string[];
}

const record = recordOf<ModelDefinition>("model", (of) => ({
  resourceId: of.modelDefinitionId ?? "",
  name: of.name ?? "",
}));

/** Model definitions by name. */
export async function listModelDefinitions(
  queries: Queries,
  filter: ModelDefinitionFilter = {},
): Promise<ModelDefinition[]> {
  const query = selectModelDefinitions(queries).orderBy("model_definitions.name");
  if (filter.provider !== undefined) {
    query.where("model_definitions.provider", filter.provider);
  }
  if (filter.secretId !== undefined) {
    query.where("model_definitions.secret_id", filter.secretId);
  }
  if (filter.modelDefinitionIds !== undefined) {
    query.whereRaw("model_definition_id = any(?)", [[...filter.modelDefinitionIds]]);
  }
  takePage(query, "model_definitions.name", filter);
  return (await query).map(fromRow);
}

/** The model definition of this id or name; undefined when there is none. */
export async function findModelDefinition(
  queries: Queries,
  reference: { readonly modelDefinitionId: string } | { readonly name: string },
): Promise<ModelDefinition | undefined> {
  const where =
    "name" in reference
      ? { "model_definitions.name": reference.name }
      : { model_definition_id: reference.modelDefinitionId };
  const row = await selectModelDefinitions(queries).where(where).first();
  return row === undefined ? undefined : fromRow(row);
}

/** Stores a new model definition of the transaction's source, and records it. Fields that the service sets are ignored. */
export async function insertModelDefinition(
  transaction: WriteTransaction,
  wanted: ModelDefinition,
): Promise<ModelDefinition> {
  const { queries, source, at, revision } = transaction;
  const modelDefinitionId = createId("d");
  await queries("model_definitions").insert({
    model_definition_id: modelDefinitionId,
    ...contentColumns(wanted),
    created_by: wanted.createdBy ?? null,
    last_updated_by: wanted.createdBy ?? null,
    created_at: at,
    last_updated_at: at,
    revision: String(revision),
    source,
  });
  const stored = (await findModelDefinition(queries, { modelDefinitionId })) as ModelDefinition;
  record(transaction, stored, { kind: configV1.ChangeKind.CREATED });
  return stored;
}

/**
 * Makes a stored model definition what is wanted, and records the fields that differ; writes nothing when none does.
 * Fields that the service sets are ignored; the owner stays.
 */
export async function replaceModelDefinition(
  transaction: WriteTransaction,
  stored: ModelDefinition,
  wanted: ModelDefinition,
): Promise<ModelDefinition> {
  const fields = differingFields(configV1.GatewayModelDefinition, modelDefinitionFields, [stored, wanted]);
  if (fields.length === 0) {
    return stored;
  }
  const { queries, at, revision } = transaction;
  const modelDefinitionId = stored.modelDefinitionId ?? "";
  await queries("model_definitions")
    .where({ model_definition_id: modelDefinitionId })
    .update({
      ...differingColumns(contentColumns(stored), contentColumns(wanted)),
      last_updated_by: wanted.lastUpdatedBy ?? null,
      last_updated_at: at,
      revision: String(revision),
    });
  const written = (await findModelDefinition(queries, { modelDefinitionId })) as ModelDefinition;
  record(transaction, written, { kind: configV1.ChangeKind.UPDATED, fields });
  return written;
}

/** Deletes a model definition and records it. Fails while an endpoint uses it. */
export async function deleteModelDefinition(transaction: WriteTransaction, stored: ModelDefinition): Promise<void> {
  await transaction.queries("model_definitions").where({ model_definition_id: stored.modelDefinitionId }).delete();
  record(transaction, stored, { kind: configV1.ChangeKind.DELETED });
}

function selectModelDefinitions(queries: Queries) {
  return queries<ModelDefinitionRow & { secret_name: string | null }>("model_definitions")
    .leftJoin("secrets", "secrets.secret_id", "model_definitions.secret_id")
    .select<(ModelDefinitionRow & { secret_name: string | null })[]>("model_definitions.*", {
      secret_name: "secrets.name",
    });
}

function contentColumns(wanted: ModelDefinition) {
  return {
    name: wanted.name,
    secret_id: wanted.secretId ?? null,
    provider: wanted.provider,
    model_name: wanted.modelName,
    base_url: wanted.baseUrl ?? null,
    context_window: wanted.contextWindow?.toString() ?? null,
    max_output_tokens: wanted.maxOutputTokens?.toString() ?? null,
    capabilities: [...wanted.capabilities],
    propagate_trace_context: wanted.propagateTraceContext ?? null,
    price: encodeColumn(configV1.Price, wanted.price),
    policy: encodeColumn(configV1.Policy, wanted.policy),
    probe: encodeColumn(configV1.Probe, wanted.probe),
  };
}

function fromRow(row: ModelDefinitionRow & { secret_name: string | null }): ModelDefinition {
  const revision = BigInt(row.revision);
  return configV1.GatewayModelDefinition.fromPartial({
    modelDefinitionId: row.model_definition_id,
    name: row.name,
    secretId: row.secret_id ?? undefined,
    secretName: row.secret_name ?? undefined,
    provider: row.provider,
    modelName: row.model_name,
    createdAt: toMilliseconds(row.created_at),
    lastUpdatedAt: toMilliseconds(row.last_updated_at),
    createdBy: row.created_by ?? undefined,
    lastUpdatedBy: row.last_updated_by ?? undefined,
    baseUrl: row.base_url ?? undefined,
    contextWindow: toOptionalBigint(row.context_window),
    maxOutputTokens: toOptionalBigint(row.max_output_tokens),
    capabilities: row.capabilities,
    price: decodeColumn(configV1.Price, row.price),
    policy: decodeColumn(configV1.Policy, row.policy),
    probe: decodeColumn(configV1.Probe, row.probe),
    etag: toEtag(revision),
    revision,
    source: row.source,
    propagateTraceContext: row.propagate_trace_context ?? undefined,
  });
}
