import { configV1 } from "#contracts";
import { endpointContent, endpointDifference } from "../endpoints/endpoint-fields.ts";
import {
  createId,
  decodeColumn,
  differingColumns,
  encodeColumn,
  type Page,
  takePage,
  toEtag,
  toMilliseconds,
} from "./columns.ts";
import { listMappings, replaceMappings } from "./mapping-rows.ts";
import { recordOf } from "./record-of.ts";
import { listTags, replaceTags } from "./tag-rows.ts";
import type { Queries, WriteTransaction } from "./write-transaction.ts";

type Endpoint = configV1.GatewayEndpoint;

interface EndpointRow {
  endpoint_id: string;
  name: string;
  routing_strategy: configV1.RoutingStrategy | null;
  fallback_config: Buffer | null;
  experiment_id: string | null;
  usage_tracking: boolean | null;
  policy: Buffer | null;
  rules: Buffer | null;
  sticky_key: string | null;
  description: string | null;
  created_by: string | null;
  last_updated_by: string | null;
  created_at: Date;
  last_updated_at: Date;
  revision: string;
  source: string;
}

interface EndpointFilter extends Partial<Page> {
  readonly provider?: string;
  readonly secretId?: string;
  readonly endpointIds?: readonly string[];
  /** Those with a mapping to one of these, beside those of `endpointIds`. */
  readonly modelDefinitionIds?: readonly string[];
}

const record = recordOf<Endpoint>("endpoint", (of) => ({ resourceId: of.endpointId ?? "", name: of.name ?? "" }));

/** Endpoints by name, whole: with tags and mappings, and in each mapping its model definition. */
export async function listEndpoints(queries: Queries, filter: EndpointFilter = {}): Promise<Endpoint[]> {
  const query = queries<EndpointRow>("endpoints").orderBy("name");
  for (const [column, value] of [
    ["provider", filter.provider],
    ["secret_id", filter.secretId],
  ] as const) {
    if (value !== undefined) {
      query.whereRaw(
        "endpoint_id in (select endpoint_id from endpoint_model_mappings " +
          "join model_definitions using (model_definition_id) where ?? = ?)",
        [`model_definitions.${column}`, value],
      );
    }
  }
  if (filter.endpointIds !== undefined || filter.modelDefinitionIds !== undefined) {
    query.whereRaw(
      "(endpoint_id = any(?) or endpoint_id in " +
        "(select endpoint_id from endpoint_model_mappings where model_definition_id = any(?)))",
      [[...(filter.endpointIds ?? [])], [...(filter.modelDefinitionIds ?? [])]],
    );
  }
  takePage(query, "name", filter);
  return withParts(queries, await query);
}

/** The endpoint of this id or name, whole; undefined when there is none. */
export async function findEndpoint(
  queries: Queries,
  reference: { readonly endpointId: string } | { readonly name: string },
): Promise<Endpoint | undefined> {
  const where = "name" in reference ? { name: reference.name } : { endpoint_id: reference.endpointId };
  const rows = await queries<EndpointRow>("endpoints").where(where);
  return (await withParts(queries, rows))[0];
}

/**
 * Stores a new endpoint of the transaction's source with its mappings and tags, and records it. Fields that the service
 * sets are ignored, ids and embedded model definitions of mappings among them.
 */
export async function insertEndpoint(transaction: WriteTransaction, wanted: Endpoint): Promise<Endpoint> {
  const { queries, source, at, revision } = transaction;
  const endpointId = createId("e");
  const content = endpointContent(wanted);
  await queries("endpoints").insert({
    endpoint_id: endpointId,
    ...contentColumns(content),
    created_by: wanted.createdBy ?? null,
    last_updated_by: wanted.createdBy ?? null,
    created_at: at,
    last_updated_at: at,
    revision: String(revision),
    source,
  });
  const owner = { endpointId, stored: [], writtenBy: wanted.createdBy };
  await replaceMappings(transaction, owner, content.modelMappings);
  await replaceTags(queries, { endpointId, stored: [] }, content.tags);
  const stored = (await findEndpoint(queries, { endpointId })) as Endpoint;
  record(transaction, stored, { kind: configV1.ChangeKind.CREATED });
  return stored;
}

/**
 * Makes a stored endpoint what is wanted, and records the fields that differ; writes nothing when none does. Fields that
 * the service sets are ignored; the owner stays, and so does the id of a mapping to the same model in the same part.
 */
export async function replaceEndpoint(
  transaction: WriteTransaction,
  stored: Endpoint,
  wanted: Endpoint,
): Promise<Endpoint> {
  const content = endpointContent(wanted);
  const fields = endpointDifference(stored, content);
  if (fields.length === 0) {
    return stored;
  }
  const { queries, at, revision } = transaction;
  const endpointId = stored.endpointId ?? "";
  await queries("endpoints")
    .where({ endpoint_id: endpointId })
    .update({
      ...differingColumns(contentColumns(endpointContent(stored)), contentColumns(content)),
      last_updated_by: wanted.lastUpdatedBy ?? null,
      last_updated_at: at,
      revision: String(revision),
    });
  const owner = { endpointId, stored: stored.modelMappings, writtenBy: wanted.lastUpdatedBy };
  await replaceMappings(transaction, owner, content.modelMappings);
  await replaceTags(queries, { endpointId, stored: stored.tags }, content.tags);
  const written = (await findEndpoint(queries, { endpointId })) as Endpoint;
  record(transaction, written, { kind: configV1.ChangeKind.UPDATED, fields });
  return written;
}

/** Deletes an endpoint with its mappings and tags, and records it. */
export async function deleteEndpoint(transaction: WriteTransaction, stored: Endpoint): Promise<void> {
  await transaction.queries("endpoints").where({ endpoint_id: stored.endpointId }).delete();
  record(transaction, stored, { kind: configV1.ChangeKind.DELETED });
}

async function withParts(queries: Queries, rows: readonly EndpointRow[]): Promise<Endpoint[]> {
  const endpointIds = rows.map((row) => row.endpoint_id);
  const mappings = await listMappings(queries, endpointIds);
  const tags = await listTags(queries, endpointIds);
  return rows.map((row) => ({
    ...fromRow(row),
    modelMappings: mappings.get(row.endpoint_id) ?? [],
    tags: tags.get(row.endpoint_id) ?? [],
  }));
}

function contentColumns(content: Endpoint) {
  return {
    name: content.name,
    routing_strategy: content.routingStrategy ?? null,
    fallback_config: encodeColumn(configV1.FallbackConfig, content.fallbackConfig),
    experiment_id: content.experimentId ?? null,
    usage_tracking: content.usageTracking ?? null,
    policy: encodeColumn(configV1.Policy, content.policy),
    rules: encodeRules(content.rules),
    sticky_key: content.stickyKey ?? null,
    description: content.description ?? null,
  };
}

/** A list has no encoding of its own: it is stored as an endpoint that holds nothing else. */
function encodeRules(rules: configV1.Rule[]): Buffer | null {
  return rules.length === 0
    ? null
    : encodeColumn(configV1.GatewayEndpoint, configV1.GatewayEndpoint.fromPartial({ rules }));
}

function fromRow(row: EndpointRow): Endpoint {
  const revision = BigInt(row.revision);
  return configV1.GatewayEndpoint.fromPartial({
    endpointId: row.endpoint_id,
    name: row.name,
    createdAt: toMilliseconds(row.created_at),
    lastUpdatedAt: toMilliseconds(row.last_updated_at),
    createdBy: row.created_by ?? undefined,
    lastUpdatedBy: row.last_updated_by ?? undefined,
    routingStrategy: row.routing_strategy ?? undefined,
    fallbackConfig: decodeColumn(configV1.FallbackConfig, row.fallback_config),
    experimentId: row.experiment_id ?? undefined,
    usageTracking: row.usage_tracking ?? undefined,
    policy: decodeColumn(configV1.Policy, row.policy),
    rules: decodeColumn(configV1.GatewayEndpoint, row.rules)?.rules ?? [],
    stickyKey: row.sticky_key ?? undefined,
    description: row.description ?? undefined,
    etag: toEtag(revision),
    revision,
    source: row.source,
  });
}
