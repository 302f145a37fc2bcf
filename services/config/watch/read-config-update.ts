import type { configV1 } from "#contracts";
import {
  type ConfigStore,
  listApiKeys,
  listEndpoints,
  listSecrets,
  type Queries,
  readChangedIds,
  readRevision,
} from "../store/index.ts";

/** What brings a receiver to a revision. */
export interface ConfigUpdate {
  readonly revision: bigint;
  readonly event: NonNullable<configV1.WatchConfigResponse["event"]>;
}

/**
 * Reads what a receiver that holds a revision needs: nothing (a bookmark), the changes since then as one delta, or a
 * snapshot where the log does not know that revision, or when the receiver holds none (0).
 */
export function readConfigUpdate(store: ConfigStore, heldRevision: bigint): Promise<ConfigUpdate> {
  return store.inReadTransaction(async (queries) => {
    const revision = await readRevision(queries);
    if (heldRevision > 0n && heldRevision === revision) {
      return { revision, event: { $case: "bookmark", value: {} } };
    }
    const isKnown = heldRevision > 0n && heldRevision < revision;
    const changed = isKnown ? await readChangedIds(queries, heldRevision) : undefined;
    return changed === undefined
      ? { revision, event: { $case: "snapshot", value: await readSnapshot(queries) } }
      : { revision, event: { $case: "delta", value: await readDelta(queries, changed) } };
  });
}

async function readSnapshot(queries: Queries): Promise<configV1.Snapshot> {
  const secrets = await listSecrets(queries);
  return {
    endpoints: await listEndpoints(queries),
    secrets: secrets.map(({ sealed }) => sealed),
    apiKeys: await listApiKeys(queries),
  };
}

type ChangedIds = NonNullable<Awaited<ReturnType<typeof readChangedIds>>>;

/** The present state of what changed, so that a burst of revisions is one delta and later states never come first. */
async function readDelta(queries: Queries, changed: ChangedIds): Promise<configV1.Delta> {
  const endpointIds = changed.get("endpoint") ?? [];
  const secretIds = changed.get("secret") ?? [];
  const keyIds = changed.get("key") ?? [];
  const modelDefinitionIds = changed.get("model") ?? [];
  const endpoints = await listEndpoints(queries, { endpointIds, modelDefinitionIds });
  const secrets = (await listSecrets(queries, { secretIds })).map(({ sealed }) => sealed);
  const apiKeys = await listApiKeys(queries, { keyIds });
  return {
    endpoints,
    deletedEndpointIds: without(
      endpointIds,
      endpoints.map(({ endpointId }) => endpointId),
    ),
    secrets,
    deletedSecretIds: without(
      secretIds,
      secrets.map(({ secretId }) => secretId),
    ),
    apiKeys,
    deletedApiKeyIds: without(
      keyIds,
      apiKeys.map(({ keyId }) => keyId),
    ),
  };
}

function without(ids: readonly string[], present: readonly (string | undefined)[]): string[] {
  const found = new Set(present);
  return ids.filter((id) => !found.has(id));
}
