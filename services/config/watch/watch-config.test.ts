import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configV1 } from "#contracts";
import { createGrpcChannel, createGrpcClient, createInProcessClient, startGrpcServer } from "#rpc";
import { hashApiKey, openSecret } from "#secrets";
import {
  messageOf,
  openTestConfigService,
  type PartsOf,
  type TestConfigService,
  testKeyEncryptionKey,
  violationsOf,
} from "../../../test/harness/test-config-service.ts";

/** A change is promised within 200 ms; a busy machine gets ten times that. */
const promisedChangeMs = 200;
const { PRIMARY } = configV1.GatewayModelLinkageType;

let config: TestConfigService;

beforeAll(async () => {
  config = await openTestConfigService({ bookmarkIntervalMs: 60_000, keptRevisions: 10 });
});
afterAll(() => config?.close());

/** One watch, read message by message. */
function watch(resumeRevision = 0n, client: Pick<TestConfigService["client"], "watchConfig"> = config.client) {
  const controller = new AbortController();
  const stream = client.watchConfig({ resumeRevision, nodeId: "test" }, { signal: controller.signal });
  const iterator = stream[Symbol.asyncIterator]();
  return {
    next: async (): Promise<configV1.WatchConfigResponse> => {
      const result = await iterator.next();
      if (result.done === true) {
        throw new Error("the stream ended");
      }
      return result.value;
    },
    end: async () => {
      await iterator.return?.();
    },
  };
}

async function withWatch<Value>(
  resumeRevision: bigint,
  work: (next: () => Promise<configV1.WatchConfigResponse>) => Promise<Value>,
): Promise<Value> {
  const { next, end } = watch(resumeRevision);
  try {
    return await work(next);
  } finally {
    await end();
  }
}

async function createModel(name: string, client = config.client) {
  const { modelDefinition } = await client.createModelDefinition(
    messageOf(configV1.CreateModelDefinitionRequest, {
      modelDefinition: { name, provider: "echo", modelName: "e" },
    }),
  );
  return modelDefinition ?? messageOf(configV1.GatewayModelDefinition, {});
}

async function createEndpoint(name: string, modelDefinitionId: string | undefined, client = config.client) {
  const { endpoint } = await client.createEndpoint(
    messageOf(configV1.CreateEndpointRequest, {
      endpoint: { name, modelMappings: [{ modelDefinitionId, linkageType: PRIMARY }] },
    }),
  );
  return endpoint ?? messageOf(configV1.GatewayEndpoint, {});
}

const updateModel = (modelDefinitionId: string | undefined, modelName: string) =>
  config.client.updateModelDefinition(
    messageOf(configV1.UpdateModelDefinitionRequest, { modelDefinition: { modelDefinitionId, modelName } }),
  );

function deltaOf(message: configV1.WatchConfigResponse): configV1.Delta {
  if (message.event?.$case !== "delta") {
    throw new Error(`expected a delta, got ${message.event?.$case}`);
  }
  return message.event.value;
}

function snapshotOf(message: configV1.WatchConfigResponse): configV1.Snapshot {
  if (message.event?.$case !== "snapshot") {
    throw new Error(`expected a snapshot, got ${message.event?.$case}`);
  }
  return message.event.value;
}

test("begins with a snapshot of everything, secrets sealed and keys as hashes", async () => {
  await config.client.applyConfig(
    messageOf(configV1.ApplyConfigRequest, {
      source: "file:all",
      document: {
        version: 1,
        secrets: [{ name: "s", provider: "echo", value: { api_key: "sk-clear-text-value" } }],
        models: [{ name: "m", provider: "echo", model: "e", secret: "s" }],
        endpoints: [{ name: "chat", primary: [{ model: "m" }] }],
        keys: [{ name: "app", value: "sw-clear-text-value" }],
      },
    }),
  );
  const message = await withWatch(0n, (next) => next());
  const snapshot = snapshotOf(message);
  expect(message.revision).toBe(1n);
  expect(snapshot.endpoints[0]).toMatchObject({
    name: "chat",
    modelMappings: [{ modelDefinition: { name: "m", secretName: "s", secretId: snapshot.secrets[0]?.secretId } }],
  });
  expect(snapshot.apiKeys[0]).toMatchObject({ name: "app", keyHash: { length: 32 } });
  const bytes = Buffer.from(configV1.WatchConfigResponse.encode(message).finish()).toString("latin1");
  expect(bytes).not.toContain("clear-text");
});

test("sends what changed, and every endpoint that uses a changed model definition", async () => {
  const model = await createModel("shared");
  const [first, second] = [
    await createEndpoint("shares-1", model.modelDefinitionId),
    await createEndpoint("shares-2", model.modelDefinitionId),
  ];
  await withWatch(0n, async (next) => {
    await next();
    const { modelDefinition } = await updateModel(model.modelDefinitionId, "e-2");
    const changed = await next();
    expect(changed.revision).toBe(modelDefinition?.revision);
    expect(deltaOf(changed).endpoints.map(({ name }) => name)).toEqual(["shares-1", "shares-2"]);
    expect(deltaOf(changed).endpoints[0]?.modelMappings[0]?.modelDefinition?.modelName).toBe("e-2");
    await config.client.deleteEndpoint({ endpointId: first.endpointId ?? "", etag: "" });
    const gone = deltaOf(await next());
    expect(gone).toMatchObject({ endpoints: [], deletedEndpointIds: [first.endpointId] });
    await config.client.setEndpointTag({ endpointId: second.endpointId ?? "", tag: { key: "k", value: "v" } });
    expect(deltaOf(await next()).endpoints).toMatchObject([{ name: "shares-2", tags: [{ key: "k", value: "v" }] }]);
  });
});

test("sends secrets and API keys that changed, sealed and as hashes, and the ids of those that are gone", async () => {
  const value = "sk-clear-text-value";
  const createSecret = messageOf(configV1.CreateSecretRequest, {
    secret: { secretName: "moving", provider: "openai" },
    secretValue: { api_key: value },
  });
  const applyKeys = (...keys: PartsOf<configV1.KeyEntry>[]) =>
    config.client.applyConfig(
      messageOf(configV1.ApplyConfigRequest, { source: "file:keys", prune: true, document: { version: 1, keys } }),
    );
  await withWatch(0n, async (next) => {
    await next();
    const nothing = messageOf(configV1.Delta, {});
    const { secret } = await config.client.createSecret(createSecret);
    const secretId = secret?.secretId ?? "";
    const created = deltaOf(await next());
    expect(created).toEqual({ ...nothing, secrets: [expect.objectContaining({ secretId, secretName: "moving" })] });
    await config.client.updateSecret(
      messageOf(configV1.UpdateSecretRequest, { secret: { secretId }, secretValue: { api_key: `${value}-2` } }),
    );
    const changed = deltaOf(await next());
    expect(changed.secrets).toMatchObject([{ secretId }]);
    const opened = [created, changed].map(({ secrets: [sealed] }) =>
      openSecret(sealed ?? messageOf(configV1.SealedSecret, {}), testKeyEncryptionKey).reveal(),
    );
    expect(opened).toEqual([{ api_key: value }, { api_key: `${value}-2` }]);
    await config.client.deleteSecret({ secretId, etag: "" });
    expect(deltaOf(await next())).toEqual({ ...nothing, deletedSecretIds: [secretId] });

    await applyKeys({ name: "kept", value: "sw-first-text-value" }, { name: "left", value: "sw-another-text-value" });
    const [kept, left] = deltaOf(await next()).apiKeys;
    expect([kept?.name, left?.name]).toEqual(["kept", "left"]);
    await applyKeys({ name: "kept", value: "sw-changed-text-value" });
    const message = await next();
    expect(deltaOf(message)).toEqual({
      ...nothing,
      apiKeys: [{ ...kept, keyHash: hashApiKey("sw-changed-text-value"), revision: message.revision }],
      deletedApiKeyIds: [left?.keyId],
    });
  });
});

test("tells the revision of a changed budget, which no receiver holds", async () => {
  const apply = (amount: number) => {
    const { USD } = configV1.BudgetUnit;
    const { GLOBAL } = configV1.BudgetTargetScope;
    const duration = { unit: configV1.BudgetDurationUnit.DAYS, value: 30 };
    const budget = { name: "watched", unit: USD, amount, duration, scope: GLOBAL, action: configV1.BudgetAction.ALERT };
    const document = { version: 1, budgets: [budget] };
    return config.client.applyConfig(messageOf(configV1.ApplyConfigRequest, { source: "file:budgets", document }));
  };
  await apply(1);
  await withWatch(0n, async (next) => {
    await next();
    const { revision } = await apply(2);
    expect(await next()).toMatchObject({ revision, event: { value: messageOf(configV1.Delta, {}) } });
    const { revisions } = await config.client.listRevisions({ pageSize: 1, pageToken: "" });
    expect(revisions[0]).toMatchObject({
      revision,
      source: "file:budgets",
      changes: [{ kind: configV1.ChangeKind.UPDATED, resourceType: "budget", name: "watched", fields: ["amount"] }],
    });
  });
});

test("brings one delta for all that happened while the receiver was slow", async () => {
  const model = await createModel("burst");
  await withWatch(0n, async (next) => {
    await next();
    for (const name of ["burst-1", "burst-2", "burst-3"]) {
      await createEndpoint(name, model.modelDefinitionId);
    }
    const { endpoint } = await config.client.getEndpoint({ endpointId: "", name: "burst-2" });
    await config.client.deleteEndpoint({ endpointId: endpoint?.endpointId ?? "", etag: "" });
    const message = await next();
    expect(deltaOf(message).endpoints.map(({ name }) => name)).toEqual(["burst-1", "burst-3"]);
    expect(deltaOf(message).deletedEndpointIds).toEqual([endpoint?.endpointId]);
    const { revisions } = await config.client.listRevisions({ pageSize: 1, pageToken: "" });
    expect(message.revision).toBe(revisions[0]?.revision);
  });
});

describe("resumes", () => {
  test("with a bookmark when nothing happened, with a delta when something did", async () => {
    const model = await createModel("resumed");
    const held = model.revision ?? 0n;
    const idle = await withWatch(held, (next) => next());
    expect(idle).toMatchObject({ revision: held, event: { $case: "bookmark" } });
    await createEndpoint("resumed", model.modelDefinitionId);
    const missed = await withWatch(held, (next) => next());
    expect(deltaOf(missed).endpoints.map(({ name }) => name)).toEqual(["resumed"]);
    expect(missed.revision).toBe(held + 1n);
  });

  test("from no revision below 0", async () => {
    const refused = violationsOf(withWatch(-1n, (next) => next()));
    expect(await refused).toEqual({ resume_revision: "must not be negative" });
  });

  test("with a snapshot when the log does not reach back, or never had that revision", async () => {
    const { modelDefinitionId, revision: held = 0n } = await createModel("forgotten");
    for (let index = 0; index < 11; index += 1) {
      await updateModel(modelDefinitionId, `e-${index}`);
    }
    expect(snapshotOf(await withWatch(held, (next) => next())).endpoints.length).toBeGreaterThan(0);
    expect(snapshotOf(await withWatch(1_000_000n, (next) => next())).endpoints.length).toBeGreaterThan(0);
    const { revision } = await withWatch(0n, (next) => next());
    expect(deltaOf(await withWatch(revision - 10n, (next) => next()))).toBeDefined();
  });
});

test("tells the file's status with every message, and at once when it changes", async () => {
  const own = await openTestConfigService();
  try {
    const { next, end } = watch(0n, own.client);
    expect((await next()).file).toBeUndefined();
    const status = { source: "file:spillway", revision: 0n, error: "" };
    own.service.setFileStatus(status);
    expect(await next()).toMatchObject({ event: { $case: "bookmark" }, file: status });
    own.service.setFileStatus({ ...status, error: "endpoints[0].name: must be set" });
    expect((await next()).file?.error).toBe("endpoints[0].name: must be set");
    await createEndpoint("none", "d-none", own.client).catch(() => {});
    await end();
    const resumed = watch(0n, own.client);
    expect((await resumed.next()).file?.source).toBe("file:spillway");
    await resumed.end();
  } finally {
    await own.close();
  }
});

test("sends bookmarks while nothing else happens", async () => {
  const own = await openTestConfigService({ bookmarkIntervalMs: 30 });
  try {
    const { next, end } = watch(0n, own.client);
    expect((await next()).event?.$case).toBe("snapshot");
    expect([(await next()).event?.$case, (await next()).event?.$case]).toEqual(["bookmark", "bookmark"]);
    await end();
  } finally {
    await own.close();
  }
});

test("learns by notification of what another process wrote, in time", async () => {
  // A poll alone would take a minute.
  const other = await config.openAnother({ pollIntervalMs: 60_000 });
  const client = createInProcessClient(configV1.ConfigServiceDefinition, other.implementation);
  const server = await startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [{ definition: configV1.ConfigServiceDefinition, implementation: other.implementation }],
  });
  const channel = createGrpcChannel({ address: server.address });
  const remote = watch(0n, createGrpcClient(configV1.ConfigServiceDefinition, channel));
  const local = watch(0n, client);
  await Promise.all([remote.next(), local.next()]);
  const { modelDefinitionId } = await createModel("told");
  await Promise.all([remote.next(), local.next()]);
  for (let index = 0; index < 5; index += 1) {
    const waiting = Promise.all([remote.next(), local.next()]);
    await updateModel(modelDefinitionId, `told-${index}`);
    const writtenAt = performance.now();
    const messages = await waiting;
    expect(performance.now() - writtenAt).toBeLessThan(10 * promisedChangeMs);
    expect(messages.map(deltaOf)).toHaveLength(2);
  }
  await remote.end();
  await local.end();
  await channel.close();
  await server.drain(0);
});

test("learns by poll where no notification comes", async () => {
  const other = await config.openAnother({ pollIntervalMs: 20 });
  const client = createInProcessClient(configV1.ConfigServiceDefinition, other.implementation);
  const { next, end } = watch(0n, client);
  await next();
  const { modelDefinitionId } = await createModel("polled");
  await next();
  // What a pooler between the two would do: the listener hears nothing of this write.
  const database = new pg.Client({ connectionString: config.databaseUrl });
  await database.connect();
  await database.query("begin");
  const { rows } = await database.query("update config_revision set revision = revision + 1 returning revision");
  await database.query("update model_definitions set model_name = 'silent' where model_definition_id = $1", [
    modelDefinitionId,
  ]);
  await database.query("insert into config_changes values ($1, 0, 2, 'model', $2, 'polled', '{model}', 'api', now())", [
    rows[0].revision,
    modelDefinitionId,
  ]);
  await database.query("commit");
  await database.end();
  expect((await next()).revision).toBe(BigInt(rows[0].revision));
  await end();
});

test("says that the database is away when it goes while a change is read, and brings the change afterwards", async () => {
  const own = await openTestConfigService({ pollIntervalMs: 50 });
  const database = new pg.Client({ connectionString: own.databaseUrl });
  await database.connect();
  try {
    await createModel("first", own.client);
    const { next, end } = watch(0n, own.client);
    await next();
    await database.query("begin; lock table api_keys");
    const { revision } = await createModel("second", own.client);
    const waiting = next();
    const endReader = async () => {
      const { rowCount } = await database.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      return rowCount;
    };
    await expect.poll(endReader).toBe(1);
    expect(await waiting).toMatchObject({
      event: { $case: "bookmark" },
      staleReason: "its database cannot be reached",
    });
    await database.query("rollback");
    let message = await next();
    while (message.event?.$case === "bookmark") {
      message = await next();
    }
    expect(message).toMatchObject({ revision, event: { $case: "delta" }, staleReason: "" });
    await end();
  } finally {
    await database.end();
    await own.close();
  }
});

test("ends without a message when the receiver leaves", async () => {
  const own = await openTestConfigService();
  const { next, end } = watch(0n, own.client);
  await next();
  const waiting = next().catch(() => "ended");
  await end();
  expect(await waiting).toBe("ended");
  await own.close();
  expect(own.logged.filter((line) => line.startsWith("a watch of the configuration ended"))).toHaveLength(1);
});
