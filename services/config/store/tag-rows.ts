import type { configV1 } from "#contracts";
import type { Queries } from "./write-transaction.ts";

interface TagRow {
  endpoint_id: string;
  key: string;
  value: string;
}

/** The tags of these endpoints by endpoint, sorted by key. */
export async function listTags(
  queries: Queries,
  endpointIds: readonly string[],
): Promise<Map<string, configV1.GatewayEndpointTag[]>> {
  const rows = await queries<TagRow>("endpoint_tags")
    .whereRaw("endpoint_id = any(?)", [[...endpointIds]])
    .orderBy(["endpoint_id", "key"]);
  const tags = Map.groupBy(rows, (row) => row.endpoint_id);
  return new Map(
    [...tags].map(([endpointId, ofEndpoint]) => [endpointId, ofEndpoint.map(({ key, value }) => ({ key, value }))]),
  );
}

/** Makes the stored tags of an endpoint what is wanted; each key must be there once. */
export async function replaceTags(
  queries: Queries,
  endpoint: { readonly endpointId: string; readonly stored: readonly configV1.GatewayEndpointTag[] },
  tags: readonly configV1.GatewayEndpointTag[],
): Promise<void> {
  const { endpointId, stored } = endpoint;
  if (stored.length > 0) {
    await queries("endpoint_tags").where({ endpoint_id: endpointId }).delete();
  }
  if (tags.length > 0) {
    await queries("endpoint_tags").insert(
      tags.map(({ key, value }) => ({ endpoint_id: endpointId, key, value: value ?? "" })),
    );
  }
}
