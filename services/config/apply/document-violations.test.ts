import { describe, expect, test } from "vitest";
import { parseConfigText } from "#config-file";
import { configV1 } from "#contracts";
import { hashApiKey } from "#secrets";
import { createApplyScope } from "./apply-scope.ts";
import { documentViolations, documentWarnings } from "./document-violations.ts";
import type { StoredConfig } from "./stored-config.ts";

const nothing: StoredConfig = {
  secrets: new Map(),
  models: new Map(),
  endpoints: new Map(),
  keys: new Map(),
  budgets: new Map(),
};

function check(document: configV1.ConfigDocument, stored = nothing): string[] {
  const scope = createApplyScope({ document, source: "file:a", prune: true }, stored);
  return documentViolations(scope, { allowPrivateUpstreams: false }).map(
    ({ field, description }) => `${field}: ${description}`,
  );
}

const models = "models: [{ name: gpt-4o, provider: echo, model: m }, { name: llama, provider: echo, model: m }]";
const checkText = (rest: string, stored = nothing) => check(parseConfigText(`version: 1\n${rest}`, {}), stored);
const checkEndpoint = (rest: string) => checkText(`${models}\nendpoints: [{ name: chat, ${rest} }]`);

describe("what is wrong is told by the path of the document:", () => {
  test.each([
    ["primary: []", "endpoints[0].primary: must have at least one PRIMARY mapping"],
    [
      "primary: [{ model: gpt-4o, weight: 0 }]",
      "endpoints[0].primary: the weights of the PRIMARY mappings must not sum",
    ],
    ["primary: [{ model: gpt-4o }, { model: gpt-4o }]", "endpoints[0].primary[1].model: must not be there twice"],
    [
      "primary: [{ model: llama }], fallback: [{ model: gpt-4o }, { model: gpt-4o }]",
      "endpoints[0].fallback[1].model: must not be there twice",
    ],
    [
      "primary: [{ model: llama }], fallback: [{ model: gpt-4o, policy: { timeouts: { connect: 0 } } }]",
      "endpoints[0].fallback[0].policy.timeouts.connect: must be from 1",
    ],
    [
      "primary: [{ model: llama, probe: { path: /health, interval: 1 } }]",
      "endpoints[0].primary[0].probe.interval: must be from 100",
    ],
    ["primary: [{ model: llama }], policy: { hedge_after: 0 }", "endpoints[0].policy.hedge_after: must be from 1"],
    [
      "primary: [{ model: llama }], policy: { stream_mode: continue }",
      "endpoints[0].policy.stream_mode: CONTINUE is not accepted by this version; use INTERACTIVE or COMPLETE",
    ],
    [
      "primary: [{ model: llama }], rules: [{ name: r, when: 'true', use: [gpt-4o] }]",
      'endpoints[0].rules[0].use[0]: no mapping of the endpoint is named "gpt-4o"',
    ],
    [
      "primary: [{ model: llama }], fallback_config: { max_attempts: -1 }",
      "endpoints[0].fallback_config.max_attempts: must be",
    ],
    [
      `primary: [{ model: llama }], tags: { ${"k".repeat(251)}: v }`,
      `endpoints[0].tags.${"k".repeat(251)}: must have at most 250`,
    ],
    ["primary: [{ model: lama }]", 'endpoints[0].primary[0].model: there is no model "lama"; did you mean "llama"?'],
    [
      "primary: [{ model: llama }], fallback: [{ model: xxxxxxxx }]",
      'endpoints[0].fallback[0].model: there is no model "xxxxxxxx"; known: gpt-4o, llama',
    ],
  ])("%s", (rest, expected) => {
    expect(checkEndpoint(rest)).toEqual([expect.stringContaining(expected)]);
  });

  test.each([
    [
      "models: [{ name: a, provider: echo, model: m, secret: opnai }]\nsecrets: [{ name: openai, provider: echo }]",
      'models[0].secret: there is no secret "opnai"; did you mean "openai"?',
    ],
    ["models: [{ name: a, provider: echo, model: '' }]", "models[0].model: must be set"],
    [
      "models: [{ name: a, provider: echo, model: m, base_url: nowhere }]",
      "models[0].base_url: must be an http or https URL",
    ],
    [
      "models: [{ name: a, provider: opnai, model: m }]",
      'models[0].provider: there is no provider "opnai"; did you mean "openai"? (known: openai, openai-compatible, vllm,',
    ],
    [
      "secrets: [{ name: a, provider: '0123456789' }]",
      'secrets[0].provider: there is no provider "0123456789" (known: openai,',
    ],
    [
      "models: [{ name: a, provider: fault, model: status-200 }]",
      'models[0].model: the provider "fault" knows no "status-200"; it knows status-',
    ],
    [
      "models: [{ name: a, provider: vllm, model: m, secret: s }]\nsecrets: [{ name: s, provider: vllm }]",
      "models[0].base_url: must be set (or api_base in the auth_config of the secret): vllm has no address of its own",
    ],
    [
      "models: [{ name: a, provider: vllm, model: m, base_url: http://10.0.0.1/v1 }]",
      "models[0].base_url: must not lead to a private address, 10.0.0.1, unless SPILLWAY_ALLOW_PRIVATE_UPSTREAMS is true",
    ],
    [
      "secrets: [{ name: s, provider: vllm, auth_config: { api_base: http://localhost/v1 } }]",
      "secrets[0].auth_config.api_base: must not lead to a private address, localhost,",
    ],
    ["secrets: [{ name: '', provider: echo }]", "secrets[0].name: must be set"],
    [
      "secrets: [{ name: a, provider: echo }, { name: b, provider: echo }, { name: a, provider: echo }]",
      "secrets[2].name: is the name of secrets[0] too",
    ],
    ["secrets: [{ name: a, provider: echo, value: { api_key: '' } }]", "secrets[0].value.api_key: must not be empty"],
    [
      'secrets: [{ name: a, provider: openai, value: { api_key: "kéy" } }]',
      "secrets[0].value.api_key: must be printable ASCII in one line",
    ],
    [
      'secrets: [{ name: a, provider: openai, value: { api_key: "two\\nlines" } }]',
      "secrets[0].value.api_key: must be printable ASCII in one line",
    ],
    [
      'secrets: [{ name: a, provider: openai, auth_config: { organization: "a\\r\\nx: y" } }]',
      "secrets[0].auth_config.organization: must be printable ASCII in one line",
    ],
    ["keys: [{ name: a, value: 0123456789abcde }]", "keys[0].value: must have from 16 to 512 characters"],
    ["keys: [{ name: a, value: '0123456789 abcdef' }]", "keys[0].value: must be ASCII without spaces and line ends"],
    [
      "keys: [{ name: a, value: aaaaaaaaaaaaaaaa }, { name: b, value: aaaaaaaaaaaaaaaa }]",
      "keys[1].value: is the value of keys[0] too",
    ],
    [
      "keys: [{ name: a, value: aaaaaaaaaaaaaaaa, endpoints: [chat] }]",
      'keys[0].endpoints[0]: there is no endpoint "chat"',
    ],
    [
      "keys: [{ name: a, value: aaaaaaaaaaaaaaaa, limits: { requests_per_minute: 0 } }]",
      "keys[0].limits.requests_per_minute: must be from 1",
    ],
    [
      "budgets: [{ name: b, unit: USD, amount: 0, duration: { unit: DAYS, value: 1 }, scope: GLOBAL, action: ALERT }]",
      "budgets[0].amount: must be above 0",
    ],
    [
      "budgets: [{ name: b, unit: USD, amount: 1, duration: { unit: DAYS, value: 0 }, scope: GLOBAL, action: ALERT }]",
      "budgets[0].duration.value: must be from 1",
    ],
  ])("%s", (text, expected) => {
    expect(checkText(text)).toEqual([expect.stringContaining(expected)]);
  });

  test("everything at once", () => {
    const text = `${models}\nendpoints: [{ name: 'a b', primary: [{ model: x }] }]\nkeys: [{ name: k, value: short }]`;
    expect(checkText(text).map((line) => line.split(":")[0])).toEqual([
      "endpoints[0].primary[0].model",
      "endpoints[0].name",
      "keys[0].value",
    ]);
  });

  test("a value of an API key that a stored key of another name has", () => {
    const key = configV1.ApiKey.fromPartial({ name: "other", keyHash: hashApiKey("a".repeat(16)) });
    const stored = { ...nothing, keys: new Map([["other", { value: key, source: "api" }]]) };
    expect(checkText(`keys: [{ name: a, value: ${"a".repeat(16)} }]`, stored)).toEqual([
      'keys[0].value: is the value of the stored key "other" too',
    ]);
  });

  test("an address that a stored model of another source would lose with its secret's", () => {
    const value = configV1.GatewayModelDefinition.fromPartial({ name: "m", provider: "vllm", secretName: "s" });
    const stored = { ...nothing, models: new Map([["m", { value, source: "api" }]]) };
    const text = (secret: string) => `secrets: [{ name: s, provider: vllm, ${secret} }]`;
    expect(checkText(text("value: {}"), stored)).toEqual([
      "secrets[0].auth_config.api_base: must be set: the models m have no other address",
    ]);
    expect(checkText(text("auth_config: { api_base: https://vllm.test }"), stored)).toEqual([]);
    const moved = "models: [{ name: m, provider: vllm, model: m, base_url: https://vllm.test }]";
    expect(checkText(`${text("value: {}")}\n${moved}`, stored)).toEqual([]);
  });

  test("documents that no file could be", () => {
    const target = { model: "m", weight: 2 };
    const document = configV1.ConfigDocument.fromPartial({
      version: 2,
      models: [{ name: "m", provider: "echo", model: "m" }],
      endpoints: [
        {
          name: "e",
          primary: [{ model: "" }, { model: "m", weight: 1e39 }],
          fallback: [target],
          policy: { fallbackOn: { add: [1], remove: [1] } },
        },
      ],
    });
    expect(check(document)).toEqual([
      "version: must be 1",
      "endpoints[0].primary[0].model: must be set",
      expect.stringMatching(/^endpoints\[0\]\.primary\[1\]\.weight: must be .* 32 bits, not 1e\+39$/),
      expect.stringMatching(/^endpoints\[0\]\.policy\.fallback_on: must not stand among the removed/),
      "endpoints[0].fallback[0].weight: belongs to an entry of primary",
    ]);
  });
});

test("warnings stand by the paths of the document, alike ones together", () => {
  const text = `version: 1
models:
  - { name: big, provider: echo, model: m, context_window: 100000, capabilities: [tools] }
  - { name: little, provider: echo, model: m, context_window: 8000, capabilities: [streaming] }
endpoints:
  - name: chat
    primary: [{ model: big }, { model: little, weight: 0 }]
    fallback: [{ model: little }]
keys:
  - { name: one, value: one-of-sixteen-characters, limits: { requests_per_minute: 5 } }
  - { name: two, value: two-of-sixteen-characters, limits: { tokens_per_minute: 5 } }`;
  const scope = createApplyScope({ document: parseConfigText(text, {}), source: "file:a", prune: false }, nothing);
  const warnings = new Map(documentWarnings(scope).map(({ field, message }) => [message, field]));
  expect(warnings.get("is stored, and not acted on yet by this version")).toBe("keys[0].limits, keys[1].limits");
  expect(warnings.get("a weight of 0 is never drawn")).toBe("endpoints[0].primary[1].weight");
  expect([...warnings].filter(([, field]) => field === "endpoints[0].fallback[0]")).toHaveLength(2);
});

describe("a model whose provider needs a key is warned of,", () => {
  const warningsOf = (text: string, stored = nothing) => {
    const document = parseConfigText(`version: 1\n${text}`, {});
    const scope = createApplyScope({ document, source: "file:a", prune: false }, stored);
    return documentWarnings(scope).map(({ field, message }) => `${field}: ${message}`);
  };
  const lacks = "the value of the secret lacks api_key, which openai needs";

  test.each([
    [
      "without a secret",
      "models: [{ name: m, provider: openai, model: gpt-4o }]",
      ["models[0].secret: is not set: calls go without api_key, which openai needs"],
    ],
    [
      "with a secret that has no key",
      "secrets: [{ name: s, provider: openai, value: { token: t } }]\n" +
        "models: [{ name: m, provider: openai, model: gpt-4o, secret: s }]",
      [`secrets[0].value, models[0].secret: ${lacks}`],
    ],
    [
      "with a key",
      "secrets: [{ name: s, provider: openai, value: { api_key: k } }]\n" +
        "models: [{ name: m, provider: openai, model: gpt-4o, secret: s }]",
      [],
    ],
    [
      "whose server says whether it wants one",
      "secrets: [{ name: s, provider: vllm }]\n" +
        "models: [{ name: m, provider: vllm, model: m, secret: s, base_url: http://127.0.0.1 }]",
      [],
    ],
    ["that lives here", "models: [{ name: m, provider: echo, model: m }]", []],
  ])("%s", (_, text, expected) => {
    expect(warningsOf(text)).toEqual(expected);
  });

  test("with a stored secret that has no key", () => {
    const info = configV1.GatewaySecretInfo.fromPartial({ secretName: "s", provider: "openai" });
    const value = { info, sealed: configV1.SealedSecret.fromPartial({}) };
    const stored = { ...nothing, secrets: new Map([["s", { value, source: "api" }]]) };
    const text = "models: [{ name: m, provider: openai, model: gpt-4o, secret: s }]";
    expect(warningsOf(text, stored)).toEqual([`models[0].secret: ${lacks}`]);
  });
});
