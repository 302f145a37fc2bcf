import type { configV1 } from "#contracts";
import { toMilliseconds } from "./columns.ts";
import type { Queries, ResourceType } from "./write-transaction.ts";

interface ChangeRow {
  revision: string;
  position: number;
  kind: configV1.ChangeKind;
  resource_type: ResourceType;
  resource_id: string;
  name: string;
  fields: string[];
  source: string;
  created_at: Date;
}

/** The revision of the present state; 0 before the first write. */
export async function readRevision(queries: Queries): Promise<bigint> {
  const row = await queries<{ revision: string }>("config_revision").first("revision");
  return BigInt(row?.revision ?? 0);
}

/** Revisions before one, newest first, with their changes. */
export async function listRevisions(
  queries: Queries,
  { before, limit }: { readonly before: bigint | undefined; readonly limit: number },
): Promise<configV1.ConfigRevision[]> {
  const wanted = queries<ChangeRow>("config_changes").distinct("revision").orderBy("revision", "desc").limit(limit);
  if (before !== undefined) {
    wanted.where("revision", "<", String(before));
  }
  const rows = await queries<ChangeRow>("config_changes")
    .whereIn("revision", wanted)
    .orderBy([{ column: "revision", order: "desc" }, { column: "position" }]);
  return [...Map.groupBy(rows, (row) => row.revision)].map(([revision, changes]) => ({
    revision: BigInt(revision),
    createdAt: toMilliseconds(changes[0]?.created_at ?? new Date(0)),
    source: changes[0]?.source ?? "",
    changes: changes.map((row) => ({
      kind: row.kind,
      resourceType: row.resource_type,
      name: row.name,
      fields: row.fields,
    })),
  }));
}

/** Ids of the things that changed after a revision, by their kind; undefined when the log no longer reaches back so far. */
export async function readChangedIds(
  queries: Queries,
  after: bigint,
): Promise<ReadonlyMap<ResourceType, readonly string[]> | undefined> {
  const oldest = await queries<ChangeRow>("config_changes").orderBy("revision").first("revision");
  if (oldest === undefined || BigInt(oldest.revision) > after + 1n) {
    return undefined;
  }
  const rows = await queries<ChangeRow>("config_changes")
    .where("revision", ">", String(after))
    .distinct("resource_type", "resource_id");
  return new Map(
    [...Map.groupBy(rows, (row) => row.resource_type)].map(([resourceType, changed]) => [
      resourceType,
      changed.map((row) => row.resource_id),
    ]),
  );
}
