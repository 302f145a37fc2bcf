import { configV1 } from "#contracts";
import { createId, decodeColumn, differingColumns, encodeColumn, toMilliseconds } from "./columns.ts";
import { listModelDefinitions } from "./model-definition-rows.ts";
import type { Queries, WriteTransaction } from "./write-transaction.ts";

type Mapping = configV1.GatewayEndpointModelMapping;

interface MappingRow {
  mapping_id: string;
  endpoint_id: string;
  model_definition_id: string;
  linkage_type: configV1.GatewayModelLinkageType;
  position: number;
  weight: number | null;
  fallback_order: number | null;
  name: string | null;
  policy: Buffer | null;
  probe: Buffer | null;
  created_by: string | null;
  created_at: Date;
}

/** The mappings of these endpoints by endpoint, in their order, each with its model definition. */
export async function listMappings(queries: Queries, endpointIds: readonly string[]): Promise<Map<string, Mapping[]>> {
  const rows = await queries<MappingRow>("endpoint_model_mappings")
    .whereRaw("endpoint_id = any(?)", [[...endpointIds]])
    .orderBy(["endpoint_id", "position"]);
  const modelDefinitionIds = [...new Set(rows.map((row) => row.model_definition_id))];
  const modelDefinitions = await listModelDefinitions(queries, { modelDefinitionIds });
  const byId = new Map(modelDefinitions.map((one) => [one.modelDefinitionId, one]));
  const mappings = Map.groupBy(rows, (row) => row.endpoint_id);
  return new Map(
    [...mappings].map(([endpointId, ofEndpoint]) => [
      endpointId,
      ofEndpoint.map((row) => fromRow(row, byId.get(row.model_definition_id))),
    ]),
  );
}

/**
 * Makes the stored mappings of an endpoint what is wanted. A mapping of the same model and part keeps its id and its
 * creation, so that what is known of the target's health stays with it.
 */
export async function replaceMappings(
  transaction: WriteTransaction,
  endpoint: {
    readonly endpointId: string;
    readonly stored: readonly Mapping[];
    readonly writtenBy: string | undefined;
  },
  wanted: readonly Mapping[],
): Promise<void> {
  const { queries, at } = transaction;
  const stored = new Map(endpoint.stored.map((mapping, position) => [mappingKey(mapping), { mapping, position }]));
  const wantedKeys = new Set(wanted.map(mappingKey));
  const gone = endpoint.stored.filter((mapping) => !wantedKeys.has(mappingKey(mapping)));
  if (gone.length > 0) {
    const mappingIds = gone.map(({ mappingId }) => mappingId ?? "");
    await queries("endpoint_model_mappings").whereRaw("mapping_id = any(?)", [mappingIds]).delete();
  }
  const added = [];
  for (const [position, mapping] of wanted.entries()) {
    const present = stored.get(mappingKey(mapping));
    if (present !== undefined) {
      await updateMapping(queries, present, { mapping, position });
    } else {
      added.push({
        mapping_id: createId("m"),
        endpoint_id: endpoint.endpointId,
        model_definition_id: mapping.modelDefinitionId,
        linkage_type: mapping.linkageType,
        ...contentColumns(mapping, position),
        created_by: endpoint.writtenBy ?? null,
        created_at: at,
      });
    }
  }
  if (added.length > 0) {
    await queries("endpoint_model_mappings").insert(added);
  }
}

interface PlacedMapping {
  readonly mapping: Mapping;
  readonly position: number;
}

async function updateMapping(queries: Queries, stored: PlacedMapping, wanted: PlacedMapping): Promise<void> {
  const columns = differingColumns(
    contentColumns(stored.mapping, stored.position),
    contentColumns(wanted.mapping, wanted.position),
  );
  if (Object.keys(columns).length > 0) {
    await queries("endpoint_model_mappings").where({ mapping_id: stored.mapping.mappingId }).update(columns);
  }
}

function mappingKey(mapping: Mapping): string {
  return `${mapping.linkageType} ${mapping.modelDefinitionId}`;
}

function contentColumns(mapping: Mapping, position: number) {
  return {
    position,
    // Postgres refuses what a `real` would round to 0.
    weight: mapping.weight === undefined ? null : Math.fround(mapping.weight),
    fallback_order: mapping.fallbackOrder ?? null,
    name: mapping.name ?? null,
    policy: encodeColumn(configV1.Policy, mapping.policy),
    probe: encodeColumn(configV1.Probe, mapping.probe),
  };
}

function fromRow(row: MappingRow, modelDefinition: configV1.GatewayModelDefinition | undefined): Mapping {
  return configV1.GatewayEndpointModelMapping.fromPartial({
    mappingId: row.mapping_id,
    endpointId: row.endpoint_id,
    modelDefinitionId: row.model_definition_id,
    modelDefinition,
    // A `real` column comes as the shortest number that makes the same float: 0.9, not 0.8999999761581421.
    weight: row.weight ?? undefined,
    createdAt: toMilliseconds(row.created_at),
    createdBy: row.created_by ?? undefined,
    linkageType: row.linkage_type,
    fallbackOrder: row.fallback_order ?? undefined,
    policy: decodeColumn(configV1.Policy, row.policy),
    name: row.name ?? undefined,
    probe: decodeColumn(configV1.Probe, row.probe),
  });
}
