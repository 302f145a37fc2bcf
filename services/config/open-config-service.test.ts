import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { configV1 } from "#contracts";
import { type CallContext, createInProcessClient, RpcError, type Service } from "#rpc";
import { openConfigService } from "#services/config";
import { type InterruptibleProxy, startInterruptibleProxy } from "../../test/harness/interruptible-proxy.ts";
import {
  failureOf,
  messageOf,
  openTestConfigService,
  type TestConfigService,
  testKeyEncryptionKey,
  violationsOf,
} from "../../test/harness/test-config-service.ts";

type Client = Service<configV1.ConfigServiceDefinition>;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

async function openConfig(options: Parameters<typeof openTestConfigService>[0] = {}): Promise<TestConfigService> {
  const config = await openTestConfigService(options);
  closers.push(config.close);
  return config;
}

function createModel(client: Client, name: string, context?: CallContext) {
  return client.createModelDefinition(
    messageOf(configV1.CreateModelDefinitionRequest, {
      modelDefinition: { name, provider: "echo", modelName: "e" },
    }),
    context,
  );
}

function watch(client: Client, context: CallContext = {}) {
  const stream = client.watchConfig({ resumeRevision: 0n, nodeId: "test" }, context);
  return stream[Symbol.asyncIterator]();
}

async function query(databaseUrl: string, sql: string): Promise<void> {
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  await database.query(sql);
  await database.end();
}

/** Tries again until it succeeds; what the test waits for is bounded by the test's own time. */
async function eventually<Value>(attempt: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof RpcError) || thrown.reason !== "DATABASE_UNAVAILABLE") {
        throw thrown;
      }
      await wait(20);
    }
  }
}

describe("credentials", () => {
  const bearer = (token: string): CallContext => ({ metadata: { authorization: `Bearer ${token}` } });

  test("the admin token opens everything but WatchConfig, the service token only that", async () => {
    const { client, logged } = await openConfig({ adminToken: "admin-token-1", serviceToken: "service-token-1" });
    const list = (context?: CallContext) =>
      client.listEndpoints(messageOf(configV1.ListEndpointsRequest, {}), context).then(() => "in", String);
    const follow = async (context?: CallContext) => {
      const iterator = watch(client, context);
      const outcome = await iterator.next().then(() => "in", String);
      await iterator.return?.();
      return outcome;
    };
    expect(await list(bearer("admin-token-1"))).toBe("in");
    expect(await follow(bearer("service-token-1"))).toBe("in");
    expect(await list({ metadata: { authorization: "bearer admin-token-1" } })).toBe("in");
    for (const refused of [list(bearer("service-token-1")), follow(bearer("admin-token-1")), list(bearer("admin"))]) {
      expect(await refused).toMatch(/does not know this token/);
    }
    for (const refused of [list(), follow(), list({ metadata: { authorization: "Basic x" } })]) {
      expect(await refused).toMatch(/needs a token/);
    }
    expect(await failureOf(createModel(client, "m"))).toMatchObject({
      code: "UNAUTHENTICATED",
      reason: "CREDENTIAL_MISSING",
    });
    expect(await failureOf(createModel(client, "m", bearer("x")))).toMatchObject({ reason: "CREDENTIAL_INVALID" });
    expect(logged.join("\n")).not.toContain("token-1");
  });

  test("a token that is not set is not asked for", async () => {
    const { client } = await openConfig();
    expect((await createModel(client, "m", bearer("whatever"))).modelDefinition?.name).toBe("m");
  });
});

describe("while the database is away", () => {
  async function openBehindLink(): Promise<{ link: InterruptibleProxy; databaseUrl: string }> {
    const behind = await openConfig();
    const { hostname, port } = new URL(behind.databaseUrl);
    const link = await startInterruptibleProxy({ host: hostname, port: Number(port || 5432) });
    closers.push(link.close);
    const databaseUrl = new URL(behind.databaseUrl);
    databaseUrl.hostname = "127.0.0.1";
    databaseUrl.port = String(link.port);
    return { link, databaseUrl: databaseUrl.href };
  }

  function openOn(databaseUrl: string, logged: string[]) {
    const log = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
    const service = openConfigService({
      databaseUrl,
      keyEncryptionKey: testKeyEncryptionKey,
      allowPrivateUpstreams: true,
      logger: { debug: () => {}, info: log, warn: log, error: log },
      pollIntervalMs: 50,
    });
    closers.push(service.close);
    return { service, client: createInProcessClient(configV1.ConfigServiceDefinition, service.implementation) };
  }

  test("calls fail, watches stay and say so, and both go on when it is back", async () => {
    const { link, databaseUrl } = await openBehindLink();
    const logged: string[] = [];
    const { service, client } = openOn(databaseUrl, logged);
    await service.whenReady();
    await createModel(client, "before");
    const iterator = watch(client);
    expect((await iterator.next()).value?.event?.$case).toBe("snapshot");

    link.cut();
    const failed = await failureOf(createModel(client, "meanwhile"));
    expect(failed).toMatchObject({ code: "UNAVAILABLE", reason: "DATABASE_UNAVAILABLE", metadata: {} });
    expect(failed.message).toBe("the configuration database cannot be reached; try again later");
    const list = () => client.listEndpoints(messageOf(configV1.ListEndpointsRequest, {}));
    expect((await failureOf(list())).reason).toBe("DATABASE_UNAVAILABLE");
    await expect.poll(() => service.isDatabaseReachable()).toBe(false);
    expect((await iterator.next()).value).toMatchObject({
      event: { $case: "bookmark" },
      staleReason: "its database cannot be reached",
    });
    const pending = iterator.next();

    link.mend();
    const { modelDefinition } = await eventually(() => createModel(client, "afterwards"));
    let message = (await pending).value;
    expect(message).toMatchObject({ staleReason: "" });
    while (message?.event?.$case === "bookmark") {
      message = (await iterator.next()).value;
    }
    expect(message).toMatchObject({ revision: modelDefinition?.revision, event: { $case: "delta" } });
    await expect.poll(() => service.isDatabaseReachable()).toBe(true);
    const password = new URL(databaseUrl).password;
    expect(logged.join("\n")).toMatch(/cannot be used; trying again/);
    expect(logged.join("\n")).toMatch(/can be reached again/);
    expect(logged.join("\n")).not.toMatch(new RegExp(`${password || "no password"}|insert into|select `));
    await iterator.return?.();
  });

  test("a service that started without it becomes ready when it comes", async () => {
    const { link, databaseUrl } = await openBehindLink();
    link.cut();
    const logged: string[] = [];
    const { service, client } = openOn(databaseUrl, logged);
    const iterator = watch(client);
    const first = iterator.next();
    expect((await failureOf(createModel(client, "early"))).reason).toBe("DATABASE_UNAVAILABLE");
    expect(service.isDatabaseReachable()).toBe(false);
    link.mend();
    await service.whenReady();
    expect((await first).value?.event?.$case).toBe("snapshot");
    expect((await createModel(client, "late")).modelDefinition?.name).toBe("late");
    const told = logged.filter((line) => line.includes("cannot be used"));
    expect(told).toEqual([expect.stringMatching(/"reason":"DATABASE_UNAVAILABLE".*"cause":"[^"]+"\}$/)]);
    await iterator.return?.();
  });
});

describe("a failure that nobody expects", () => {
  const told = { code: "INTERNAL", message: "the config service failed; its log says why", metadata: {} };

  test("is told to the log with its method and cause, and to the caller without", async () => {
    const { client, databaseUrl, logged } = await openConfig();
    await query(databaseUrl, "delete from config_revision");
    expect(await failureOf(createModel(client, "m"))).toMatchObject(told);
    expect(logged.at(-1)).toMatch(/"method":"createModelDefinition".*the revision counter is gone/);
  });

  test("of a statement brings none of its values into the log", async () => {
    const { client, databaseUrl, logged } = await openConfig();
    await query(databaseUrl, "alter table secrets add check (name = 'no other')");
    const creation = client.createSecret(
      messageOf(configV1.CreateSecretRequest, {
        secret: { secretName: "name-of-it", provider: "openai", authConfig: { api_version: "version-of-it" } },
        secretValue: { api_key: "value-of-it" },
      }),
    );
    expect(await failureOf(creation)).toMatchObject(told);
    expect(logged.at(-1)).toMatch(/"method":"createSecret".*check constraint/);
    expect(logged.at(-1)).not.toMatch(/of-it|\.\.\.|\*\*\*/);
  });

  test("ends a watch, and the log says why", async () => {
    const { client, databaseUrl, logged } = await openConfig();
    const iterator = watch(client);
    expect((await iterator.next()).value?.event?.$case).toBe("snapshot");
    await query(databaseUrl, "alter table api_keys rename to lost");
    const ended = failureOf(iterator.next());
    await createModel(client, "m");
    expect(await ended).toMatchObject(told);
    expect(logged.at(-1)).toMatch(/"method":"watchConfig".*relation \\"api_keys\\" does not exist/);
  });
});

describe("close", () => {
  test("ends watches with DRAINING, refuses calls, and lets those under way finish", async () => {
    const { client, service } = await openConfig();
    const iterator = watch(client);
    await iterator.next();
    const ended = failureOf(iterator.next());
    const underWay = createModel(client, "under-way");
    const closing = service.close();
    expect(await ended).toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING" });
    expect((await underWay).modelDefinition?.name).toBe("under-way");
    await closing;
    expect(await failureOf(createModel(client, "too-late"))).toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING" });
    expect((await failureOf(watch(client).next())).reason).toBe("DRAINING");
    await service.close();
  });

  test("does not wait for a database that never came", async () => {
    const service = openConfigService({
      databaseUrl: "postgres://nobody:secret-password@127.0.0.1:1/none",
      keyEncryptionKey: testKeyEncryptionKey,
      allowPrivateUpstreams: true,
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    const ready = failureOf(service.whenReady());
    await service.close();
    expect((await ready).reason).toBe("DRAINING");
  });
});

test.each(["nonsense", "model names"])("refuses a page_token of %s to listRevisions", async (kind) => {
  const { client } = await openConfig();
  await createModel(client, "one");
  await createModel(client, "two");
  const models = await client.listModelDefinitions(messageOf(configV1.ListModelDefinitionsRequest, { pageSize: 1 }));
  const pageToken = kind === "nonsense" ? kind : models.nextPageToken;
  expect(await violationsOf(client.listRevisions({ pageSize: 1, pageToken }))).toEqual({
    page_token: "must be one that the page before gave",
  });
});

test("lists revisions newest first, with who made them and what changed", async () => {
  const { client } = await openConfig();
  await client.applyConfig(
    messageOf(configV1.ApplyConfigRequest, {
      source: "file:listed",
      document: { version: 1, models: [{ name: "from-file", provider: "echo", model: "e" }] },
    }),
  );
  await createModel(client, "by-hand");
  const first = await client.listRevisions({ pageSize: 1, pageToken: "" });
  const second = await client.listRevisions({ pageSize: 1, pageToken: first.nextPageToken });
  expect(first.revisions).toMatchObject([{ revision: 2n, source: "api", changes: [{ name: "by-hand" }] }]);
  expect(second).toMatchObject({
    revisions: [
      {
        revision: 1n,
        source: "file:listed",
        changes: [{ kind: configV1.ChangeKind.CREATED, resourceType: "model", name: "from-file", fields: [] }],
      },
    ],
    nextPageToken: "",
  });
});
