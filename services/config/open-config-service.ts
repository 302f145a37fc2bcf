import type { configV1 } from "#contracts";
import { RpcError, type Service } from "#rpc";
import type { Logger } from "#runtime";
import type { KeyEncryptionKey } from "#secrets";
import { applyConfig } from "./apply/apply-config.ts";
import { CallGate } from "./call-gate.ts";
import { createEndpointHandlers } from "./endpoints/endpoint-handlers.ts";
import { createMappingHandlers } from "./endpoints/mapping-handlers.ts";
import { createTagHandlers } from "./endpoints/tag-handlers.ts";
import { createModelDefinitionHandlers } from "./model-definitions/model-definition-handlers.ts";
import { createRevisionHandlers } from "./revisions/revision-handlers.ts";
import { createSecretHandlers } from "./secrets/secret-handlers.ts";
import { type ConfigStore, openConfigStore, startDatabaseLink } from "./store/index.ts";
import type { UpstreamPlaces } from "./upstreams/base-url-rules.ts";
import { ChangeFeed } from "./watch/change-feed.ts";
import { watchConfig } from "./watch/watch-config.ts";

/** What a config service is made of. */
export interface ConfigServiceOptions extends UpstreamPlaces {
  /** A `postgres://` URL; with a password in it, so not for logs. */
  readonly databaseUrl: string;
  /** Seals what is written from now on, and opens what it is compared with. */
  readonly keyEncryptionKey: KeyEncryptionKey;
  readonly logger: Logger;
  /** Asked for by every method but `WatchConfig`. Unset: not asked for. */
  readonly adminToken?: string | undefined;
  /** Asked for by `WatchConfig`. Unset: not asked for. */
  readonly serviceToken?: string | undefined;
  /** How often the revision is asked for beside notifications. Default 5000. */
  readonly pollIntervalMs?: number;
  /** How often a watch without news gets a bookmark. Default 30000. */
  readonly bookmarkIntervalMs?: number;
  /** How many revisions can be listed and resumed from. Default 10000. */
  readonly keptRevisions?: number;
}

/** The config service. It must be closed. */
export interface OpenConfigService {
  /** Fails with `DATABASE_UNAVAILABLE` while Postgres is away; watches stay and go on when it is back. */
  readonly implementation: Service<configV1.ConfigServiceDefinition>;
  /** What became of the declarative file; every watch is told at once, and with every message from then on. */
  setFileStatus(status: configV1.ConfigFileStatus): void;
  /** Whether Postgres answered last time and its tables are ready. */
  isDatabaseReachable(): boolean;
  /** Resolves once the tables are ready for the first time; rejects if the service is closed before. */
  whenReady(): Promise<void>;
  /** Ends watches with DRAINING, refuses further calls, waits up to 5 s for those under way, lets go of the database. */
  close(): Promise<void>;
}

/** Opens the service at once, whether Postgres is there or not: it is connected to, and migrated, from then on. */
export function openConfigService(options: ConfigServiceOptions): OpenConfigService {
  const feed = new ChangeFeed();
  const store = openConfigStore({
    databaseUrl: options.databaseUrl,
    keptRevisions: options.keptRevisions,
    onRevision: (revision) => feed.advance(revision),
  });
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {});
  const link = startDatabaseLink({
    databaseUrl: options.databaseUrl,
    knex: store.knex,
    logger: options.logger,
    pollIntervalMs: options.pollIntervalMs ?? 5000,
    onRevision: (revision) => feed.advance(revision),
    onReachable: (isReachable) => {
      feed.setDatabaseReachable(isReachable);
      if (isReachable) {
        ready.resolve();
      }
    },
    random: Math.random,
  });
  const { logger, adminToken, serviceToken } = options;
  const gate = new CallGate({ logger, adminToken, serviceToken });
  let closing: Promise<void> | undefined;
  const close = async () => {
    ready.reject(new RpcError({ code: "UNAVAILABLE", reason: "DRAINING", message: "the config service was closed" }));
    feed.close();
    await gate.close(closeGraceMs);
    await link.stop();
    await store.close();
  };
  return {
    implementation: gate.guard(createHandlers(options, store, feed)),
    setFileStatus: (status) => feed.setFileStatus(status),
    isDatabaseReachable: () => feed.isDatabaseReachable,
    whenReady: () => ready.promise,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

const closeGraceMs = 5000;

function createHandlers(
  options: ConfigServiceOptions,
  store: ConfigStore,
  feed: ChangeFeed,
): Service<configV1.ConfigServiceDefinition> {
  const { keyEncryptionKey, logger, allowPrivateUpstreams, bookmarkIntervalMs = 30_000 } = options;
  return {
    ...createSecretHandlers(store, { keyEncryptionKey, allowPrivateUpstreams }),
    ...createModelDefinitionHandlers(store, { allowPrivateUpstreams }),
    ...createEndpointHandlers(store),
    ...createMappingHandlers(store),
    ...createTagHandlers(store),
    ...createRevisionHandlers(store),
    applyConfig: (request) => applyConfig({ store, keyEncryptionKey, allowPrivateUpstreams }, request),
    watchConfig: (request, context) => watchConfig({ store, feed, logger, bookmarkIntervalMs }, request, context),
  };
}
