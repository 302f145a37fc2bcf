import type { configV1 } from "#contracts";
import { type CompileHost, compileEndpoint } from "./compile-endpoint.ts";
import type { CallerKey, CompiledEndpoint, Snapshot } from "./snapshot.ts";

/** The configuration as it was sent, by id: what deltas are applied to and what the disk keeps. It never changes. */
interface SentConfig {
  readonly endpoints: ReadonlyMap<string, configV1.GatewayEndpoint>;
  readonly secrets: ReadonlyMap<string, configV1.SealedSecret>;
  readonly keys: ReadonlyMap<string, configV1.ApiKey>;
}

/** One revision of the configuration: as it was sent, and compiled. A new revision is a new value. */
export class HeldConfig {
  readonly snapshot: Snapshot;
  readonly #sent: SentConfig;

  private constructor(sent: SentConfig, snapshot: Snapshot) {
    this.#sent = sent;
    this.snapshot = snapshot;
  }

  /** Takes a whole configuration. */
  static fromSnapshot(revision: bigint, sent: configV1.Snapshot, host: CompileHost): HeldConfig {
    const held: SentConfig = {
      endpoints: new Map(sent.endpoints.map((endpoint) => [endpoint.endpointId ?? "", endpoint])),
      secrets: new Map(sent.secrets.map((secret) => [secret.secretId, secret])),
      keys: new Map(sent.apiKeys.map((key) => [key.keyId, key])),
    };
    const endpoints = new Map<string, CompiledEndpoint>();
    for (const endpoint of held.endpoints.values()) {
      endpoints.set(endpoint.name ?? "", compileEndpoint(endpoint, host));
    }
    return new HeldConfig(held, { revision, endpoints, secrets: held.secrets, keys: compileKeys(held.keys) });
  }

  /** Applies changes as a whole; endpoints that did not change are not compiled again. */
  withDelta(revision: bigint, delta: configV1.Delta, host: CompileHost): HeldConfig {
    const endpoints = new Map(this.#sent.endpoints);
    const compiled = new Map(this.snapshot.endpoints);
    for (const id of delta.deletedEndpointIds) {
      compiled.delete(endpoints.get(id)?.name ?? "");
      endpoints.delete(id);
    }
    for (const endpoint of delta.endpoints) {
      compiled.delete(endpoints.get(endpoint.endpointId ?? "")?.name ?? "");
      endpoints.set(endpoint.endpointId ?? "", endpoint);
    }
    // After all old names are gone, so that two endpoints may swap theirs in one delta.
    for (const endpoint of delta.endpoints) {
      compiled.set(endpoint.name ?? "", compileEndpoint(endpoint, host));
    }
    const secrets = withChanges(this.#sent.secrets, {
      changed: delta.secrets,
      idOf: ({ secretId }) => secretId,
      deletedIds: delta.deletedSecretIds,
    });
    const keys = withChanges(this.#sent.keys, {
      changed: delta.apiKeys,
      idOf: ({ keyId }) => keyId,
      deletedIds: delta.deletedApiKeyIds,
    });
    return new HeldConfig(
      { endpoints, secrets, keys },
      {
        revision,
        endpoints: compiled,
        secrets,
        keys: keys === this.#sent.keys ? this.snapshot.keys : compileKeys(keys),
      },
    );
  }

  /** The same configuration at a later revision. */
  withRevision(revision: bigint): HeldConfig {
    return new HeldConfig(this.#sent, { ...this.snapshot, revision });
  }

  /** The whole configuration, as it would be sent. */
  toMessage(): configV1.Snapshot {
    return {
      endpoints: [...this.#sent.endpoints.values()],
      secrets: [...this.#sent.secrets.values()],
      apiKeys: [...this.#sent.keys.values()],
    };
  }
}

interface Changes<Item> {
  readonly changed: readonly Item[];
  readonly idOf: (item: Item) => string;
  readonly deletedIds: readonly string[];
}

function withChanges<Item>(
  held: ReadonlyMap<string, Item>,
  { changed, idOf, deletedIds }: Changes<Item>,
): ReadonlyMap<string, Item> {
  if (changed.length === 0 && deletedIds.length === 0) {
    return held;
  }
  const items = new Map(held);
  for (const id of deletedIds) {
    items.delete(id);
  }
  for (const item of changed) {
    items.set(idOf(item), item);
  }
  return items;
}

function compileKeys(keys: ReadonlyMap<string, configV1.ApiKey>): ReadonlyMap<string, CallerKey> {
  const compiled = new Map<string, CallerKey>();
  for (const { keyHash, name, endpoints } of keys.values()) {
    compiled.set(Buffer.from(keyHash).toString("base64"), {
      name,
      endpoints: endpoints.length === 0 ? undefined : new Set(endpoints),
    });
  }
  return compiled;
}
