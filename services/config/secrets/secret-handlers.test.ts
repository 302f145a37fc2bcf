import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configV1 } from "#contracts";
import {
  failureOf,
  messageOf,
  openTestConfigService,
  type PartsOf,
  type TestConfigService,
  violationsOf,
} from "../../../test/harness/test-config-service.ts";

const value = "sk-0123456789abcdefghij";

let config: TestConfigService;

beforeAll(async () => {
  config = await openTestConfigService();
});
afterAll(() => config?.close());

function create(name: string, parts: PartsOf<configV1.CreateSecretRequest> = {}) {
  return config.client.createSecret(
    messageOf(configV1.CreateSecretRequest, {
      secretValue: { api_key: value },
      ...parts,
      secret: { secretName: name, provider: "openai", ...parts.secret },
    }),
  );
}

function update(parts: PartsOf<configV1.UpdateSecretRequest>) {
  return config.client.updateSecret(messageOf(configV1.UpdateSecretRequest, parts));
}

test("creates a secret that reads show only by its mask", async () => {
  const { secret } = await create("first", {
    secret: { createdBy: "ann", authConfig: { api_base: "https://a.test" } },
  });
  expect(secret).toMatchObject({
    secretId: expect.stringMatching(/^s-[0-9a-f]{32}$/),
    secretName: "first",
    provider: "openai",
    maskedValues: { api_key: "sk-...ghij" },
    authConfig: { api_base: "https://a.test" },
    createdBy: "ann",
    lastUpdatedBy: "ann",
    source: "api",
  });
  expect(secret?.createdAt).toBe(secret?.lastUpdatedAt);
  const byName = await config.client.getSecret({ secretId: "", secretName: "first" });
  const byId = await config.client.getSecret({ secretId: secret?.secretId ?? "", secretName: "" });
  expect(byName.secret).toEqual(secret);
  expect(byId.secret).toEqual(secret);
});

test("keeps the value out of rows, logs and errors", async () => {
  await create("hidden", { secretValue: { api_key: "very-secret-value-of-hidden" } });
  await failureOf(create("hidden", { secretValue: { api_key: "very-secret-value-of-hidden" } }));
  await failureOf(create("", { secretValue: { "very secret key": "very-secret-value-of-hidden" } }));
  const database = new pg.Client({ connectionString: config.databaseUrl });
  await database.connect();
  const tables = ["secrets", "create_requests", "config_changes"];
  const rows = [];
  for (const table of tables) {
    rows.push(await database.query(`select t::text as line from ${table} t`));
  }
  await database.end();
  const hex = Buffer.from("very-secret-value-of-hidden").toString("hex");
  const stored = JSON.stringify(rows.map((result) => result.rows));
  expect(stored).toContain("hidden");
  expect(stored).not.toMatch(new RegExp(`very-secret|${hex}`));
  expect(config.logged.join("\n")).not.toContain("very-secret");
});

test("names the id that an update or a delete leaves out", async () => {
  expect(await violationsOf(update({ secret: { secretName: "first" } }))).toEqual({
    "secret.secret_id": "must be set",
  });
  const deletion = config.client.deleteSecret({ secretId: "", etag: "" });
  expect(await violationsOf(deletion)).toEqual({ secret_id: "must be set" });
});

test("refuses more keys than a secret has", async () => {
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));
  const refused = violationsOf(create("many", { secret: { authConfig: keys(33) }, secretValue: keys(34) }));
  expect(await refused).toEqual({
    "secret.auth_config": "must have at most 32 keys, not 33",
    secret_value: "must have at most 32 keys, not 34",
  });
  const { secret } = await create("many", { secret: { authConfig: keys(32) }, secretValue: keys(32) });
  expect(Object.keys(secret?.maskedValues ?? {})).toHaveLength(32);
});

test("refuses a value of blanks only, which would be sent as none", async () => {
  const refused = violationsOf(create("blank", { secretValue: { api_key: " \n" } }));
  expect(await refused).toEqual({ "secret_value.api_key": "must not be empty; leave the key out instead" });
});

test("answers a repeated create by its request_id, and refuses it with another value", async () => {
  const first = await create("repeated", { requestId: "r-1" });
  const second = await create("repeated", { requestId: "r-1" });
  expect(second).toEqual(first);
  const pair = { api_key: value, organization: "o" };
  const ordered = await create("ordered", { requestId: "r-2", secretValue: pair });
  const reversed = Object.fromEntries(Object.entries(pair).reverse());
  expect(await create("ordered", { requestId: "r-2", secretValue: reversed })).toEqual(ordered);
  const refused = violationsOf(create("repeated", { requestId: "r-1", secretValue: { api_key: "another-value-000" } }));
  expect(Object.keys(await refused)).toEqual(["request_id"]);
});

describe("update", () => {
  test("replaces the value whole and says what changed", async () => {
    const { secret } = await create("rotated");
    const { secret: written } = await update({
      secret: { secretId: secret?.secretId, lastUpdatedBy: "bob", etag: secret?.etag },
      secretValue: { api_key: "sk-new-value-0123456789", organization: "o" },
    });
    expect(written).toMatchObject({
      maskedValues: { api_key: "sk-...6789", organization: "***" },
      createdAt: secret?.createdAt,
      lastUpdatedBy: "bob",
    });
    expect(written?.etag).not.toBe(secret?.etag);
    const { revisions } = await config.client.listRevisions({ pageSize: 1, pageToken: "" });
    expect(revisions[0]?.changes).toEqual([
      { kind: configV1.ChangeKind.UPDATED, resourceType: "secret", name: "rotated", fields: ["value"] },
    ]);
  });

  test("makes no revision when the value is the same", async () => {
    const { secret } = await create("unchanged");
    const { secret: written } = await update({
      secret: { secretId: secret?.secretId },
      secretValue: { api_key: value },
    });
    expect(written?.revision).toBe(secret?.revision);
  });

  test("re-points api_base only together with the value", async () => {
    const { secret } = await create("pointed", { secret: { authConfig: { api_base: "https://good.test" } } });
    const secretId = secret?.secretId;
    const evil = { secretId, authConfig: { api_base: "https://evil.test" } };
    expect(Object.keys(await violationsOf(update({ secret: evil })))).toEqual(["secret.auth_config.api_base"]);
    const cleared = update({ secret: { secretId }, updateMask: ["auth_config"] });
    expect(Object.keys(await violationsOf(cleared))).toEqual(["secret.auth_config.api_base"]);
    const other = { secretId, authConfig: { base_url: "https://evil.test", api_base: "https://good.test" } };
    expect(Object.keys(await violationsOf(update({ secret: other })))).toEqual(["secret.auth_config.base_url"]);
    const { secret: written } = await update({ secret: evil, secretValue: { api_key: value } });
    expect(written?.authConfig).toEqual({ api_base: "https://evil.test" });
  });

  test("re-points api_base of a secret that holds no value", async () => {
    const { secret } = await create("hollow", { secret: { provider: "vllm" }, secretValue: {} });
    const { secretId } = secret ?? {};
    for (const host of ["one.test", "two.test"]) {
      const authConfig = { api_base: `https://${host}` };
      expect((await update({ secret: { secretId, authConfig } })).secret?.authConfig).toEqual(authConfig);
    }
  });

  test("keeps the address that a model has from nowhere else", async () => {
    const authConfig = { api_base: "https://vllm.test" };
    const { secret } = await create("housing", { secret: { provider: "vllm", authConfig } });
    const { secretId } = secret ?? {};
    await config.client.createModelDefinition(
      messageOf(configV1.CreateModelDefinitionRequest, {
        modelDefinition: { name: "housed", provider: "vllm", modelName: "m", secretId },
      }),
    );
    const cleared = update({ secret: { secretId }, secretValue: { api_key: value }, updateMask: ["auth_config"] });
    expect(await violationsOf(cleared)).toEqual({
      "secret.auth_config.api_base": "must be set: the models housed have no other address",
    });
  });

  test("changes and clears what does not say where the secret is sent", async () => {
    const { secret } = await create("configured", { secret: { authConfig: { api_version: "1" } } });
    const secretId = secret?.secretId;
    const changed = await update({ secret: { secretId, authConfig: { api_version: "2" } } });
    expect(changed.secret?.authConfig).toEqual({ api_version: "2" });
    const cleared = await update({ secret: { secretId }, updateMask: ["auth_config"] });
    expect(cleared.secret?.authConfig).toEqual({});
  });

  test("never changes name or provider, and names unknown mask paths", async () => {
    const { secret } = await create("fixed");
    const { secretId } = secret ?? {};
    const renamed = violationsOf(update({ secret: { secretId, secretName: "other", provider: "azure" } }));
    expect(Object.keys(await renamed)).toEqual(["secret.secret_name", "secret.provider"]);
    const masked = violationsOf(update({ secret: { secretId }, updateMask: ["secret_name"] }));
    expect(Object.keys(await masked)).toEqual(["update_mask"]);
  });

  test("refuses an etag that is not the present one", async () => {
    const { secret } = await create("tagged");
    const stale = { secretId: secret?.secretId, etag: "r0" };
    expect(await failureOf(update({ secret: stale, secretValue: { api_key: "n" } }))).toMatchObject({
      code: "ABORTED",
      reason: "ETAG_MISMATCH",
      metadata: { resource_type: "secret", resource_name: "tagged" },
    });
  });
});

test("warns of a value without the key that its provider needs, until it is there", async () => {
  const lacking = [{ field: "secret_value", message: "the value of the secret lacks api_key, which openai needs" }];
  const { secret, warnings } = await create("keyless", { secretValue: { token: value } });
  expect(warnings).toEqual(lacking);
  const { secretId } = secret ?? {};
  expect((await update({ secret: { secretId, authConfig: { project: "p" } } })).warnings).toEqual(lacking);
  expect((await update({ secret: { secretId }, secretValue: { api_key: value } })).warnings).toEqual([]);
});

test("deletes a secret only when no model definition uses it", async () => {
  const { secret } = await create("used");
  const secretId = secret?.secretId ?? "";
  const { modelDefinition } = await config.client.createModelDefinition(
    configV1.CreateModelDefinitionRequest.fromPartial({
      modelDefinition: { name: "user-of-used", provider: "openai", modelName: "m", secretId },
    }),
  );
  expect(await failureOf(config.client.deleteSecret({ secretId, etag: "" }))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "RESOURCE_IN_USE",
    metadata: { resource_type: "secret", resource_name: "used", used_by: "model user-of-used" },
  });
  const modelDefinitionId = modelDefinition?.modelDefinitionId ?? "";
  await config.client.deleteModelDefinition({ modelDefinitionId, etag: "" });
  await config.client.deleteSecret({ secretId, etag: "" });
  expect(await failureOf(config.client.getSecret({ secretId, secretName: "" }))).toMatchObject({
    code: "NOT_FOUND",
    reason: "RESOURCE_NOT_FOUND",
    metadata: { resource_type: "secret", resource_name: secretId },
  });
});

test("names every field that is wrong", async () => {
  const refused = await violationsOf(
    create("x".repeat(256), {
      secret: { provider: "", authConfig: { api_base: "ftp://user@host" } },
      secretValue: { "a b": "v" },
    }),
  );
  expect(Object.keys(refused)).toEqual([
    "secret.secret_name",
    "secret.provider",
    "secret.auth_config.api_base",
    "secret_value",
  ]);
});

test("lists by provider in pages of names", async () => {
  for (const name of ["p-3", "p-1", "p-2"]) {
    await create(name, { secret: { provider: "xai" } });
  }
  const list = (pageToken: string) => config.client.listSecrets({ pageSize: 2, pageToken, provider: "xai" });
  const first = await list("");
  const second = await list(first.nextPageToken);
  expect([first, second].map(({ secrets }) => secrets.map(({ secretName }) => secretName))).toEqual([
    ["p-1", "p-2"],
    ["p-3"],
  ]);
  expect(second.nextPageToken).toBe("");
  expect(Object.keys(await violationsOf(list("nonsense")))).toEqual(["page_token"]);
  const negative = config.client.listSecrets({ pageSize: -1, pageToken: "", provider: "" });
  expect(Object.keys(await violationsOf(negative))).toEqual(["page_size"]);
});
