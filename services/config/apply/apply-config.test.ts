import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseConfigText } from "#config-file";
import { configV1, googleRpc } from "#contracts";
import { RpcError } from "#rpc";
import { KeyEncryptionKey, openSecret } from "#secrets";
import { openTestDatabase, type TestDatabase } from "../../../test/harness/test-database.ts";
import {
  type ConfigStore,
  insertEndpoint,
  insertModelDefinition,
  listApiKeys,
  listEndpoints,
  migrate,
  openConfigStore,
} from "../store/index.ts";
import { applyConfig } from "./apply-config.ts";
import { loadStoredConfig } from "./stored-config.ts";

const { CREATED, UPDATED, DELETED } = configV1.ChangeKind;
const keyEncryptionKey = new KeyEncryptionKey(Buffer.alloc(32, 1));
const environment = { OPENAI_API_KEY: "sk-openai-0123456789", SEARCH_APP_KEY: "sw-search-0123456789" };

let database: TestDatabase;
let store: ConfigStore;

beforeAll(async () => {
  database = await openTestDatabase();
  store = openConfigStore({ databaseUrl: database.databaseUrl });
  await migrate(store.knex, database.databaseUrl);
});
afterAll(async () => {
  await store?.close();
  await database?.close();
});
beforeEach(async () => {
  await store.knex.raw(
    "truncate config_changes, create_requests, secrets, model_definitions, endpoints, endpoint_model_mappings, " +
      "endpoint_tags, api_keys, budgets; update config_revision set revision = 0",
  );
});

type Options = Partial<Omit<configV1.ApplyConfigRequest, "document">>;

function applyDocument(document: configV1.ConfigDocument, options: Options = {}) {
  const request = configV1.ApplyConfigRequest.fromPartial({ source: "file:spillway", ...options, document });
  return applyConfig({ store, keyEncryptionKey, allowPrivateUpstreams: true }, request);
}

function apply(text: string, options: Options = {}, variables: Record<string, string> = environment) {
  return applyDocument(parseConfigText(text, variables), options);
}

const load = () => store.inReadTransaction(loadStoredConfig);

/** `CREATED secret openai`, or `UPDATED model gpt-4o price,policy`. */
function summary({ changes }: configV1.ApplyConfigResponse): string[] {
  const kinds = { [CREATED]: "CREATED", [UPDATED]: "UPDATED", [DELETED]: "DELETED" } as Record<number, string>;
  return changes.map(({ kind, resourceType, name, fields }) =>
    [kinds[kind], resourceType, name, ...(fields.length > 0 ? [fields.join(",")] : [])].join(" "),
  );
}

async function refusal(applying: Promise<unknown>): Promise<RpcError> {
  const error = await applying.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RpcError);
  return error as RpcError;
}

async function violations(applying: Promise<unknown>): Promise<string[]> {
  const error = await refusal(applying);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
  const { fieldViolations } = error.detail("google.rpc.BadRequest", googleRpc.BadRequest) ?? { fieldViolations: [] };
  return fieldViolations.map(({ field, description }) => `${field}: ${description}`);
}

const example = readFileSync(new URL("example.fixture.yaml", import.meta.url), "utf8");
const small = `
version: 1
secrets: [{ name: openai, provider: openai, value: { api_key: \${OPENAI_API_KEY} } }]
models: [{ name: gpt, provider: openai, model: gpt-4o, secret: openai }]
endpoints: [{ name: chat, primary: [{ model: gpt }] }]
keys: [{ name: app, value: \${SEARCH_APP_KEY}, endpoints: [chat] }]
`;

describe("the whole example", () => {
  test("is created in one revision", async () => {
    const response = await apply(example);
    expect(response.revision).toBe(1n);
    expect(summary(response)).toEqual([
      "CREATED secret openai",
      "CREATED secret local",
      "CREATED model gpt-4o",
      "CREATED model local-llama",
      "CREATED endpoint chat",
      "CREATED key search-app",
      "CREATED budget monthly",
    ]);
  });

  test("is stored as the document says, its secrets encrypted and its keys hashed", async () => {
    await apply(example);
    const stored = await load();
    const secret = stored.secrets.get("openai")?.value;
    expect(secret?.info).toMatchObject({ provider: "openai", maskedValues: { api_key: "sk-...6789" } });
    expect(openSecret(secret?.sealed as configV1.SealedSecret, keyEncryptionKey).reveal()).toEqual({
      api_key: environment.OPENAI_API_KEY,
    });
    expect(stored.models.get("local-llama")?.value).toMatchObject({
      secretName: "local",
      modelName: "llama-3.1-8b",
      baseUrl: "http://127.0.0.1:8001/v1",
    });
    const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;
    expect(stored.endpoints.get("chat")?.value).toMatchObject({
      source: "file:spillway",
      modelMappings: [
        { linkageType: PRIMARY, weight: 0.9, modelDefinition: { name: "gpt-4o" } },
        { linkageType: PRIMARY, weight: 0.1, modelDefinition: { name: "local-llama" } },
        { linkageType: FALLBACK, fallbackOrder: 0, modelDefinition: { name: "local-llama" } },
      ],
      policy: { timeouts: { connectMs: 2000, deadlineMs: 120000 }, maxTotalAttempts: 6 },
      rules: [{ name: "long-prompts", use: ["gpt-4o"] }],
      stickyKey: 'request.headers["x-session-id"]',
      tags: [{ key: "team", value: "search" }],
    });
    expect(stored.keys.get("search-app")?.value).toMatchObject({
      endpoints: ["chat"],
      limits: { requestsPerMinute: 600, tokensPerMinute: 200000n },
    });
    expect(stored.budgets.get("monthly")?.value.definition).toMatchObject({ amount: 100 });
    const dump = JSON.stringify((await store.knex.raw("select * from api_keys, secrets")).rows);
    expect(dump).not.toContain(environment.OPENAI_API_KEY);
    expect(dump).not.toContain(environment.SEARCH_APP_KEY);
  });

  test("brings one warning that names every key that nothing acts on yet", async () => {
    const { warnings } = await apply(example);
    const idle = warnings.filter(({ message }) => message.includes("not acted on yet"));
    expect(idle).toHaveLength(1);
    expect(idle[0]?.field.split(", ")).toEqual(["models[0].price", "keys[0].limits", "budgets[0]"]);
  });

  test("applied again changes nothing and makes no revision", async () => {
    await apply(example);
    const before = await load();
    const response = await apply(example, { prune: true });
    expect(response).toMatchObject({ revision: 1n, changes: [] });
    expect(await load()).toEqual(before);
  });

  test("after a round over the wire is the same document", async () => {
    await apply(example);
    const wire = configV1.ConfigDocument.encode(parseConfigText(example, environment)).finish();
    expect((await applyDocument(configV1.ConfigDocument.decode(wire))).changes).toEqual([]);
  });
});

describe("a change", () => {
  test("names what differs, and a secret's value only by its name", async () => {
    await apply(small);
    const changed = small.replace("model: gpt-4o", "model: gpt-4.1, price: { input: 1, output: 2 }");
    const response = await apply(changed, {}, { ...environment, OPENAI_API_KEY: "sk-another-0123456789" });
    expect(summary(response)).toEqual(["UPDATED secret openai value", "UPDATED model gpt model,price"]);
    expect(JSON.stringify(response.changes)).not.toContain("sk-another");
    expect(response.revision).toBe(2n);
  });

  test("of an endpoint is told as primary, fallback and its other keys", async () => {
    await apply(small);
    const changed = small.replace(
      "primary: [{ model: gpt }]",
      "primary: [{ model: gpt, weight: 2 }], fallback: [{ model: gpt }], tags: { a: b }, description: d",
    );
    expect(summary(await apply(changed))).toEqual(["UPDATED endpoint chat primary,fallback,tags,description"]);
  });

  test("of an API key's value is told as value, and of its limits as limits", async () => {
    await apply(small);
    const changed = small.replace("endpoints: [chat] }", "limits: { requests_per_minute: 1 } }");
    const response = await apply(changed, {}, { ...environment, SEARCH_APP_KEY: "sw-another-0123456789" });
    expect(summary(response)).toEqual(["UPDATED key app value,endpoints,limits"]);
  });

  test("of a budget is told by the keys that differ, and stored", async () => {
    const file = (amount: number, days: number) => {
      const rest = `duration: { unit: DAYS, value: ${days} }, scope: GLOBAL, action: ALERT`;
      return `version: 1\nbudgets: [{ name: monthly, unit: USD, amount: ${amount}, ${rest} }]`;
    };
    await apply(file(100, 30));
    const before = (await load()).budgets.get("monthly")?.value;
    const response = await apply(file(250.5, 7));
    expect(summary(response)).toEqual(["UPDATED budget monthly amount,duration"]);
    expect(response.revision).toBe(2n);
    expect((await load()).budgets.get("monthly")?.value).toEqual({
      ...before,
      definition: {
        ...before?.definition,
        amount: 250.5,
        duration: { unit: configV1.BudgetDurationUnit.DAYS, value: 7 },
      },
      revision: 2n,
    });
    expect(await apply(file(250.5, 7))).toMatchObject({ revision: 2n, changes: [] });
  });

  test("keeps the ids of mappings whose model and part stay, in whatever order they come", async () => {
    const models = "{ name: a, provider: echo, model: m }, { name: b, provider: echo, model: m }";
    const file = (targets: string) => `version: 1\nmodels: [${models}]\nendpoints: [{ name: e, ${targets} }]`;
    const ids = async () => {
      const [endpoint] = await store.inReadTransaction(listEndpoints);
      const mappings = endpoint?.modelMappings ?? [];
      return Object.fromEntries(
        mappings.map((one) => [`${one.modelDefinition?.name} ${one.linkageType}`, one.mappingId]),
      );
    };
    await apply(file("primary: [{ model: a }, { model: b }]"));
    const before = await ids();
    await apply(file("primary: [{ model: b, weight: 3 }, { model: a }], fallback: [{ model: a }]"));
    expect(await ids()).toMatchObject(before);
  });

  test("mends a secret that was written with a key that is lost", async () => {
    await apply(small);
    const other = new KeyEncryptionKey(Buffer.alloc(32, 2));
    const document = parseConfigText(small, environment);
    const request = configV1.ApplyConfigRequest.fromPartial({ document, source: "file:spillway" });
    const response = await applyConfig({ store, keyEncryptionKey: other, allowPrivateUpstreams: true }, request);
    expect(summary(response)).toEqual(["UPDATED secret openai value"]);
    const sealed = (await load()).secrets.get("openai")?.value.sealed as configV1.SealedSecret;
    expect(openSecret(sealed, other).reveal()).toEqual({ api_key: environment.OPENAI_API_KEY });
  });

  test("keeps what an API set on an endpoint and a file has no key for", async () => {
    await apply(small);
    await store.knex("endpoints").update({ experiment_id: "7", usage_tracking: true });
    expect((await apply(small)).changes).toEqual([]);
    await apply(small.replace("primary:", "description: d, primary:"));
    expect((await load()).endpoints.get("chat")?.value).toMatchObject({ experimentId: "7", usageTracking: true });
  });

  test("lets API keys swap their values, and take over that of a key that goes", async () => {
    const file = (...values: string[]) => {
      const keys = values.map((value, index) => `{ name: k${index}, value: ${value.repeat(16)} }`);
      return `version: 1\nkeys: [${keys.join(", ")}]`;
    };
    await apply(file("a", "b", "c"));
    await apply(file("b", "a", "c"));
    const hashes = async () =>
      (await store.inReadTransaction(listApiKeys)).map(({ keyHash }) => keyHash.toString("hex"));
    const swapped = await hashes();
    await apply(file("a", "b", "c"));
    expect(await hashes()).toEqual([swapped[1], swapped[0], swapped[2]]);
    const response = await apply(file("d", "c"), { prune: true });
    expect(summary(response)).toContain("DELETED key k2");
    expect((await hashes())[1]).toBe(swapped[2]);
  });
});

test("a request without a document is refused", async () => {
  const request = configV1.ApplyConfigRequest.fromPartial({ source: "file:spillway" });
  const applying = applyConfig({ store, keyEncryptionKey, allowPrivateUpstreams: true }, request);
  expect(await violations(applying)).toEqual(["document: must be set"]);
});

describe("validate_only", () => {
  test("tells the changes and writes nothing", async () => {
    const response = await apply(small, { validateOnly: true });
    expect(summary(response)).toHaveLength(4);
    expect(response.revision).toBe(0n);
    expect([...(await load()).secrets, ...(await load()).endpoints]).toEqual([]);
    expect((await apply(small)).revision).toBe(1n);
  });

  test("does not use up a request id", async () => {
    await apply(small, { validateOnly: true, requestId: "one" });
    expect((await apply(small, { requestId: "one" })).changes).toHaveLength(4);
    const another = small.replace("primary:", "description: d, primary:");
    expect((await apply(another, { validateOnly: true, requestId: "one" })).changes).toHaveLength(1);
  });
});

describe("prune", () => {
  test("deletes what the document no longer names, users before what they use", async () => {
    await apply(example);
    const response = await apply("version: 1", { prune: true });
    expect(summary(response).sort()).toEqual([
      "DELETED budget monthly",
      "DELETED endpoint chat",
      "DELETED key search-app",
      "DELETED model gpt-4o",
      "DELETED model local-llama",
      "DELETED secret local",
      "DELETED secret openai",
    ]);
  });

  test("is not done unless it is asked for", async () => {
    await apply(small);
    expect((await apply("version: 1")).changes).toEqual([]);
  });

  test("leaves alone what other sources own", async () => {
    await apply(small, { source: "api" });
    await apply("version: 1\nmodels: [{ name: mine, provider: echo, model: echo }]");
    expect(summary(await apply("version: 1", { prune: true }))).toEqual(["DELETED model mine"]);
    expect((await load()).secrets.size).toBe(1);
  });

  test("deletes what the document's own things used until now", async () => {
    await apply(small);
    const moved = `
version: 1
models: [{ name: other, provider: echo, model: echo }]
endpoints: [{ name: chat, primary: [{ model: other }] }]
keys: [{ name: app, value: \${SEARCH_APP_KEY}, endpoints: [chat] }]
`;
    expect(summary(await apply(moved, { prune: true }))).toEqual([
      "CREATED model other",
      "UPDATED endpoint chat primary",
      "DELETED model gpt",
      "DELETED secret openai",
    ]);
  });

  test("refuses to delete what another source uses, and names the users", async () => {
    await apply(small);
    await apply("version: 1\nendpoints: [{ name: theirs, primary: [{ model: gpt }] }]", { source: "file:other" });
    await apply("version: 1\nkeys: [{ name: they, value: 0123456789abcdef, endpoints: [chat] }]", { source: "api" });
    const error = await refusal(apply("version: 1", { prune: true }));
    expect(error).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "RESOURCE_IN_USE",
      metadata: { resource_type: "model", resource_name: "gpt", used_by: "endpoint theirs" },
    });
    const failure = error.detail("google.rpc.PreconditionFailure", googleRpc.PreconditionFailure);
    expect(failure?.violations.map(({ subject }) => subject)).toEqual(["model gpt", "endpoint chat"]);
    expect(error.message).toContain("used by key they");
    expect((await load()).endpoints.size).toBe(2);
  });

  test("refuses a secret that a model of another source uses", async () => {
    await apply(small);
    await apply("version: 1\nmodels: [{ name: theirs, provider: openai, model: m, secret: openai }]", {
      source: "api",
    });
    expect(await refusal(apply("version: 1", { prune: true }))).toMatchObject({
      reason: "RESOURCE_IN_USE",
      metadata: { resource_type: "secret", used_by: "model theirs" },
    });
  });

  test("counts what it deletes as gone for the references of the document", async () => {
    await apply(small);
    const onlyEndpoint = "version: 1\nendpoints: [{ name: chat, primary: [{ model: gpt }] }]";
    expect(await violations(apply(onlyEndpoint, { prune: true }))).toEqual([
      'endpoints[0].primary[0].model: the model "gpt" is not in the document, so that this apply deletes it',
    ]);
    expect((await apply(onlyEndpoint)).changes).toEqual([]);
  });
});

describe("sources", () => {
  test("a name that another source owns is refused, with every such field", async () => {
    await apply(small, { source: "api" });
    const error = await refusal(apply(small));
    expect(error).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "OWNED_BY_ANOTHER_SOURCE",
      metadata: { field: "secrets[0].name", resource_name: "openai", source: "api" },
    });
    const failure = error.detail("google.rpc.PreconditionFailure", googleRpc.PreconditionFailure);
    expect(failure?.violations.map(({ subject }) => subject)).toEqual([
      "secrets[0].name",
      "models[0].name",
      "endpoints[0].name",
      "keys[0].name",
    ]);
  });

  test.each(["", "file:", "file", "file: a", "console", "file:a\nb"])("%j is none", async (source) => {
    expect(await violations(apply(small, { source }))).toEqual([
      expect.stringContaining("source: must be api, or file:"),
    ]);
  });

  test("what another source stored may be referred to", async () => {
    await apply(small, { source: "api" });
    const response = await apply("version: 1\nendpoints: [{ name: mine, primary: [{ model: gpt }] }]");
    expect(summary(response)).toEqual(["CREATED endpoint mine"]);
  });

  test("a noun of the file that was changed through the API is made again what the file says", async () => {
    await apply(small);
    await store.knex("endpoints").update({ description: "by hand" });
    expect(summary(await apply(small))).toEqual(["UPDATED endpoint chat description"]);
  });
});

describe("only_if_empty", () => {
  test("writes into an empty database", async () => {
    expect((await apply(small, { onlyIfEmpty: true })).revision).toBe(1n);
  });

  test("refuses any other, whoever owns what is there", async () => {
    await apply(
      "version: 1\nbudgets: [{ name: b, unit: USD, amount: 1, duration: { unit: DAYS, value: 1 }, scope: GLOBAL, action: ALERT }]",
      { source: "api" },
    );
    expect(await refusal(apply(small, { onlyIfEmpty: true }))).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "RESOURCE_ALREADY_EXISTS",
      metadata: { resource_type: "budget", resource_name: "b" },
    });
  });
});

describe("request_id", () => {
  test("makes a repeated apply tell what the first one did", async () => {
    const first = await apply(small, { requestId: "one" });
    await apply(small.replace("primary:", "description: d, primary:"));
    expect(await apply(small, { requestId: "one" })).toEqual(first);
    expect((await load()).endpoints.get("chat")?.value.description).toBe("d");
  });

  test.each([
    ["document", small.replace("gpt-4o", "gpt-5"), environment],
    ["secret", small, { ...environment, OPENAI_API_KEY: "sk-another" }],
    ["key", small, { ...environment, SEARCH_APP_KEY: "sw-another-0123456789" }],
  ])("is refused for another %s", async (_what, text, variables) => {
    await apply(small, { requestId: "one" });
    expect(await violations(apply(text, { requestId: "one" }, variables))).toEqual([
      expect.stringContaining("request_id: was used before"),
    ]);
  });
});

test.each(["", "one", "used before"])(
  "a weight that fits no float is refused by its path, with request id %j",
  async (id) => {
    const withWeight = (weight: number) => {
      const document = parseConfigText(small, environment);
      const [endpoint] = document.endpoints;
      return { ...document, endpoints: [{ ...endpoint, primary: [{ model: "gpt", weight }] }] } as typeof document;
    };
    await applyDocument(withWeight(1), { requestId: "used before" });
    expect(await violations(applyDocument(withWeight(1e39), { requestId: id }))).toEqual([
      expect.stringMatching(id === "used before" ? /^request_id: / : /^endpoints\[0\]\.primary\[0\]\.weight: /),
    ]);
  },
);

test("applies at once go one after the other, each as one revision", async () => {
  const texts = Array.from({ length: 8 }, (_, index) => small.replace("primary:", `description: d${index}, primary:`));
  const responses = await Promise.all(texts.map((text) => apply(text)));
  expect(responses.map(({ revision }) => revision).sort()).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]);
  const last = responses.findIndex(({ revision }) => revision === 8n);
  expect((await load()).endpoints.get("chat")?.value.description).toBe(`d${last}`);
});

test("an apply beside a write of an endpoint by API loses nothing", async () => {
  const byApi = store.inWriteTransaction({ source: "api" }, async (transaction) => {
    const model = await insertModelDefinition(
      transaction,
      configV1.GatewayModelDefinition.fromPartial({ name: "other", provider: "echo", modelName: "echo" }),
    );
    const mapping = { modelDefinitionId: model.modelDefinitionId, linkageType: 1 as const };
    return insertEndpoint(
      transaction,
      configV1.GatewayEndpoint.fromPartial({ name: "by-api", modelMappings: [mapping] }),
    );
  });
  await Promise.all([apply(small, { prune: true }), byApi]);
  expect([...(await load()).endpoints.keys()]).toEqual(["by-api", "chat"]);
});

test("a document of 300 endpoints that changes in one is a write of that one", async () => {
  const endpoints = (changed: string) =>
    Array.from(
      { length: 300 },
      (_, index) => `{ name: e${index}, primary: [{ model: m }]${index === 7 ? changed : ""} }`,
    );
  const file = (changed: string) =>
    `version: 1\nmodels: [{ name: m, provider: echo, model: echo }]\nendpoints: [${endpoints(changed).join(", ")}]`;
  expect((await apply(file(""))).changes).toHaveLength(301);
  expect(summary(await apply(file(", description: d")))).toEqual(["UPDATED endpoint e7 description"]);
});
