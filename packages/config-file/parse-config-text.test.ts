import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { configV1, errorsV1 } from "#contracts";
import { ConfigFileError } from "./config-file-error.ts";
import { configSchema } from "./config-schema.ts";
import { parseConfigText } from "./parse-config-text.ts";
import type { Shape } from "./shape.ts";

const example = `
version: 1
secrets:
  - name: openai
    provider: openai
    value: { api_key: \${OPENAI_API_KEY} }        # environment references
  - name: local
    provider: openai-compatible
    value: {}
models:
  - name: gpt-4o
    provider: openai
    model: gpt-4o
    secret: openai
    context_window: 128000                        # tokens
    price: { input: 2.5, output: 10 }
  - name: local-llama
    provider: openai-compatible
    model: llama-3.1-8b
    secret: local
    base_url: http://127.0.0.1:8001/v1
endpoints:
  - name: chat
    routing_strategy: REQUEST_BASED_TRAFFIC_SPLIT
    primary:
      - { model: gpt-4o, weight: 0.9 }
      - { model: local-llama, weight: 0.1 }
    fallback:
      - { model: local-llama }
    fallback_config: { strategy: SEQUENTIAL, max_attempts: 1 }
    policy:
      timeouts: { connect: 2000, first_token: 10000, first_byte: 60000, idle: 15000, attempt: 60000, deadline: 120000 }
      retries: { max: 2, initial_backoff: 200, max_backoff: 5000 }
      max_total_attempts: 6
      breaker: { failure_ratio: 0.5, min_requests: 5, window: 10000, open_for: 5000, half_open_probes: 1 }
      stream_mode: interactive
      hedge_after: 800
      max_concurrency: 50
      max_queue_wait: 0
      redraw: false
      fallback_on: [CALLER_CONTENT_POLICY]
      retry_on: []
    rules:
      - name: long-prompts
        when: request.estimated_input_tokens > 100000
        use: [gpt-4o]
    sticky_key: request.headers["x-session-id"]
    tags: { team: search }
keys:
  - name: search-app
    value: \${SEARCH_APP_KEY}
    endpoints: [chat]
    limits: { requests_per_minute: 600, tokens_per_minute: 200000 }
budgets:
  - { name: monthly, unit: USD, amount: 100, duration: { unit: MONTHS, value: 1 }, scope: GLOBAL, action: REJECT }
`;
const environment = { OPENAI_API_KEY: "sk-secret-of-openai", SEARCH_APP_KEY: "sw-key-of-search-app" };

function violationsOf(text: string, variables: Record<string, string> = {}): string[] {
  try {
    parseConfigText(text, variables);
  } catch (error) {
    if (error instanceof ConfigFileError) {
      expect(error.message.split("\n")).toHaveLength(error.violations.length);
      return error.message.split("\n");
    }
    throw error;
  }
  return [];
}

describe("a whole file", () => {
  const document = parseConfigText(example, environment);

  test("becomes the document that it describes", () => {
    expect(document).toMatchObject({
      version: 1,
      secrets: [
        { name: "openai", provider: "openai", value: { api_key: "sk-secret-of-openai" } },
        { name: "local", provider: "openai-compatible", value: {} },
      ],
      models: [
        {
          name: "gpt-4o",
          model: "gpt-4o",
          secret: "openai",
          contextWindow: 128000n,
          price: { input: 2.5, output: 10 },
        },
        { name: "local-llama", baseUrl: "http://127.0.0.1:8001/v1", contextWindow: undefined, price: undefined },
      ],
      keys: [
        {
          name: "search-app",
          value: "sw-key-of-search-app",
          endpoints: ["chat"],
          limits: { requestsPerMinute: 600, tokensPerMinute: 200000n },
        },
      ],
      budgets: [
        {
          name: "monthly",
          unit: configV1.BudgetUnit.USD,
          amount: 100,
          duration: { unit: configV1.BudgetDurationUnit.MONTHS, value: 1 },
          scope: configV1.BudgetTargetScope.GLOBAL,
          action: configV1.BudgetAction.REJECT,
        },
      ],
    });
  });

  test("keeps every key of an endpoint", () => {
    expect(document.endpoints[0]).toMatchObject({
      name: "chat",
      routingStrategy: configV1.RoutingStrategy.REQUEST_BASED_TRAFFIC_SPLIT,
      primary: [
        { model: "gpt-4o", weight: 0.9 },
        { model: "local-llama", weight: 0.1 },
      ],
      fallback: [{ model: "local-llama", weight: undefined }],
      fallbackConfig: { strategy: configV1.FallbackStrategy.SEQUENTIAL, maxAttempts: 1 },
      policy: {
        timeouts: {
          connectMs: 2000,
          firstTokenMs: 10000,
          firstByteMs: 60000,
          idleMs: 15000,
          attemptMs: 60000,
          deadlineMs: 120000,
        },
        retries: { max: 2, initialBackoffMs: 200, maxBackoffMs: 5000 },
        maxTotalAttempts: 6,
        breaker: { failureRatio: 0.5, minRequests: 5, windowMs: 10000, openForMs: 5000, halfOpenProbes: 1 },
        streamMode: configV1.StreamMode.INTERACTIVE,
        hedgeAfterMs: 800,
        maxConcurrency: 50,
        maxQueueWaitMs: 0,
        redraw: false,
        fallbackOn: { add: [errorsV1.FailureClass.CALLER_CONTENT_POLICY], remove: [] },
        retryOn: { add: [], remove: [] },
        echoEndpointName: undefined,
      },
      rules: [{ name: "long-prompts", when: "request.estimated_input_tokens > 100000", use: ["gpt-4o"] }],
      stickyKey: 'request.headers["x-session-id"]',
      tags: { team: "search" },
    });
  });

  test("survives the wire, weights as the floats that they are there", () => {
    const [endpoint] = document.endpoints;
    const primary = endpoint?.primary.map((target) => ({ ...target, weight: Math.fround(target.weight ?? 1) }));
    expect(configV1.ConfigDocument.decode(configV1.ConfigDocument.encode(document).finish())).toEqual({
      ...document,
      endpoints: [{ ...endpoint, primary }],
    });
  });
});

test("every field of the messages has exactly one key, so that none can be forgotten", () => {
  const bases: Record<string, object> = {
    "": configV1.ConfigDocument.create(),
    secrets: configV1.SecretEntry.create(),
    models: configV1.ModelEntry.create(),
    "models.price": configV1.Price.create(),
    "models.probe": configV1.Probe.create(),
    endpoints: configV1.EndpointEntry.create(),
    "endpoints.primary": configV1.TargetEntry.create(),
    "endpoints.fallback_config": configV1.FallbackConfig.create(),
    "endpoints.policy": configV1.Policy.create(),
    "endpoints.policy.timeouts": configV1.Timeouts.create(),
    "endpoints.policy.retries": configV1.Retries.create(),
    "endpoints.policy.breaker": configV1.Breaker.create(),
    "endpoints.rules": configV1.Rule.create(),
    keys: configV1.KeyEntry.create(),
    "keys.limits": configV1.ApiKeyLimits.create(),
    budgets: configV1.BudgetEntry.create(),
    "budgets.duration": configV1.BudgetDuration.create(),
  };
  const fields: Record<string, string[]> = {};
  const collect = (shape: Shape, path: string): void => {
    if (shape.kind === "list") {
      collect(shape.of, path);
    } else if (shape.kind === "record") {
      fields[path] = [...shape.keys.values()].map(({ field }) => field).sort();
      for (const [name, key] of shape.keys) {
        collect(key.shape, path === "" ? name : `${path}.${name}`);
      }
    }
  };
  collect(configSchema, "");
  for (const [path, base] of Object.entries(bases)) {
    expect(fields[path], path).toEqual(Object.keys(base).sort());
  }
});

describe("what is wrong is told with path and line:", () => {
  const endpoint = (rest: string) => `version: 1\nendpoints:\n  - name: chat\n    primary: [{ model: m }]\n${rest}`;

  test.each([
    [
      "an unknown key with the nearest one",
      endpoint("    policy:\n      timeouts: { conect: 1 }"),
      'endpoints[0].policy.timeouts.conect: unknown key; did you mean "connect"? (line 6)',
    ],
    [
      "an unknown key that is near to none with all there are",
      "version: 1\nkeys:\n  - { name: a, value: b, limits: { zzzzzzzz: 1 } }",
      "keys[0].limits.zzzzzzzz: unknown key; known: requests_per_minute, tokens_per_minute (line 3)",
    ],
    ["a missing key", "version: 1\nsecrets:\n  - name: a", "secrets[0].provider: must be set (line 3)"],
    ["a missing version", "secrets: []", "version: must be set (line 1)"],
    ["a version that is not known", "secrets: []\nversion: 2", "version: must be 1 (line 2)"],
    ["a list that is none", "version: 1\nsecrets: openai", "secrets: must be a list (line 2)"],
    [
      "a mapping that is none",
      "version: 1\nsecrets: [openai]",
      "secrets[0]: must be a mapping with the keys name, provider, value, auth_config (line 2)",
    ],
    [
      "tags that are no mapping",
      endpoint("    tags: [team, search]"),
      "endpoints[0].tags: must be a mapping of names to texts (line 5)",
    ],
    [
      "a failure class that is no text",
      endpoint("    policy: { retry_on: [7] }"),
      "endpoints[0].policy.retry_on[0]: must be text; put it in quotes (line 5)",
    ],
    [
      "a number where text belongs",
      "version: 1\nsecrets:\n  - { name: 1, provider: p }",
      "secrets[0].name: must be text; put it in quotes (line 3)",
    ],
    [
      "a number that is negative",
      endpoint("    policy: { hedge_after: -1 }"),
      "endpoints[0].policy.hedge_after: must be a whole number of milliseconds from 0 to 4294967295 (line 5)",
    ],
    [
      "a number that is not whole",
      endpoint("    policy: { retries: { max: 1.5 } }"),
      "endpoints[0].policy.retries.max: must be a whole number from 0 to 4294967295 (line 5)",
    ],
    [
      "a weight that is not finite",
      "version: 1\nendpoints:\n  - { name: a, primary: [{ model: m, weight: .inf }] }",
      "endpoints[0].primary[0].weight: must be a number from 0 to 3.4028234663852886e+38 (line 3)",
    ],
    [
      "a weight that no float of 32 bits holds",
      "version: 1\nendpoints:\n  - { name: a, primary: [{ model: m, weight: 1e39 }] }",
      "endpoints[0].primary[0].weight: must be a number from 0 to 3.4028234663852886e+38 (line 3)",
    ],
    [
      "a word where a boolean belongs",
      endpoint("    policy: { redraw: yes }"),
      "endpoints[0].policy.redraw: must be true or false (line 5)",
    ],
    [
      "a wrong enum value with those there are",
      endpoint("    policy: { stream_mode: interactiv }"),
      'endpoints[0].policy.stream_mode: must be one of interactive, complete, continue; did you mean "interactive"? (line 5)',
    ],
    [
      "the unspecified value of an enum",
      endpoint("    routing_strategy: UNSPECIFIED"),
      "endpoints[0].routing_strategy: must be one of REQUEST_BASED_TRAFFIC_SPLIT (line 5)",
    ],
    [
      "a failure class twice",
      endpoint("    policy: { retry_on: [PROVIDER_ERROR, -PROVIDER_ERROR] }"),
      "endpoints[0].policy.retry_on[1]: names PROVIDER_ERROR for the second time (line 5)",
    ],
    [
      "a weight of a fallback",
      endpoint("    fallback: [{ model: m, weight: 1 }]"),
      "endpoints[0].fallback[0].weight: belongs to an entry of `primary`; entries of `fallback` are tried in their order (line 5)",
    ],
    [
      "a deadline of one target",
      "version: 1\nmodels:\n  - { name: a, provider: p, model: m, policy: { timeouts: { deadline: 1 } } }",
      "models[0].policy.timeouts.deadline: belongs to the policy of an endpoint, not to that of one target (line 3)",
    ],
    [
      "a key that stands there twice",
      endpoint("    tags: { a: x }\n    tags: { b: y }"),
      "endpoints[0].tags: stands here for the second time, after line 5 (line 6)",
    ],
    [
      "a tag that stands there twice",
      endpoint("    tags:\n      a: x\n      a: y"),
      "endpoints[0].tags.a: stands here for the second time, after line 6 (line 7)",
    ],
    ["a merge key", "version: 1\nsecrets:\n  - <<: {}\n    name: a\n    provider: p", "secrets[0].<<: unknown key"],
  ])("%s", (_what, text, expected) => {
    expect(violationsOf(text)).toEqual([expect.stringContaining(expected)]);
  });

  test("an unknown failure class with those there are", () => {
    const [line] = violationsOf(endpoint("    policy: { retry_on: [-PROVIDER_ERRROR] }"));
    expect(line).toMatch(/^endpoints\[0\]\.policy\.retry_on\[0\]: must be one of .*PROVIDER_ERROR, .*\(line 5\)$/);
  });

  test("everything at once, in the order of the lines", () => {
    const text = "version: 1\nsecrets:\n  - { nam: a, provider: 1 }\nmodels: {}\nendpoint: []";
    expect(violationsOf(text)).toEqual([
      'secrets[0].nam: unknown key; did you mean "name"? (line 3)',
      "secrets[0].provider: must be text; put it in quotes (line 3)",
      "secrets[0].name: must be set (line 3)",
      "models: must be a list (line 4)",
      'endpoint: unknown key; did you mean "endpoints"? (line 5)',
    ]);
  });
});

describe("what is no file of this kind:", () => {
  test.each([
    ["nothing", "", 'the file is empty; it begins with "version: 1"'],
    ["comments alone", "# nothing", 'the file is empty; it begins with "version: 1"'],
    ["a list", "- a", "must be a mapping with the keys version, secrets, models, endpoints, keys, budgets (line 1)"],
    ["two documents", "version: 1\n---\nversion: 1", "a second document begins here; a file holds one (line 2)"],
    ["a bracket that never closes", "version: [1", "is not YAML: Flow sequence in block collection must be"],
    ["a tab", "\tversion: 1", "is not YAML: Tabs are not allowed as indentation (line 1)"],
    ["a tag of its own", "version: !mine 1", "is not YAML: Unresolved tag (line 1)"],
    ["an alias without its anchor", "version: 1\nsecrets: *absent", "secrets: no anchor of this name stands before it"],
    ["a deep nest", `version: ${"[".repeat(100_000)}`, "is nested too deeply"],
    ["a reserved character", "version: 1 # \uFDD1", "the file holds a character between U+FDD0 and U+FDD4"],
  ])("%s", (_what, text, expected) => {
    expect(violationsOf(text)[0]).toContain(expected);
  });

  test("a file of 5 MB", () => {
    expect(violationsOf(`version: 1\n#${"x".repeat(5_000_000)}`)).toEqual([expect.stringContaining("is longer than")]);
  });

  test("aliases that multiply", () => {
    const entries = (count: number, of: string) => Array.from({ length: count }, () => of).join(", ");
    const text = [
      "version: 1",
      `secrets: [{ name: s, provider: p, value: &value { ${Array.from({ length: 999 }, (_, n) => `k${n}: v`).join(", ")} } }]`,
      `endpoints: [${entries(999, "{ name: e, primary: [{ model: m }], tags: *value }")}]`,
    ].join("\n");
    expect(violationsOf(text)).toEqual(["the file holds more than 250000 values once its aliases are resolved"]);
  });

  test("syntax errors quote nothing of the file, where a secret may stand", () => {
    const faults = [
      "value: {} hunter2",
      "a: 'x' hunter2",
      "a: x\nhunter2",
      "a: !hunter2 x",
      "a: [hunter2",
      "a: *hunter2",
    ];
    for (const fault of faults) {
      const lines = violationsOf(`version: 1\n${fault}`);
      expect(lines.length, fault).toBeGreaterThan(0);
      expect(lines.join("\n")).not.toContain("hunter2");
    }
  });
});

test("anchors and aliases share what is written once", () => {
  const text = `version: 1
models:
  - { name: a, provider: p, model: m, policy: &quick { timeouts: { connect: 5 } } }
  - { name: b, provider: p, model: m, policy: *quick }`;
  expect(parseConfigText(text, {}).models.map(({ policy }) => policy?.timeouts?.connectMs)).toEqual([5, 5]);
});

test("a key without a value is as one that is not there", () => {
  const text = "version: 1\nsecrets:\nmodels: ~\nendpoints:\n  - { name: e, primary: [{ model: m }], policy: }";
  expect(parseConfigText(text, {})).toMatchObject({ secrets: [], models: [], endpoints: [{ policy: undefined }] });
});

test("any text survives being written as YAML", () => {
  const texts = fc.string({ unit: "grapheme" }).filter((value) => !/[$\uFDD0-\uFDD4]/.test(value));
  fc.assert(
    fc.property(texts, fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), texts), (name, value) => {
      const document = parseConfigText(stringify({ version: 1, secrets: [{ name, provider: "p", value }] }), {});
      expect(document.secrets[0]?.name).toBe(name);
      expect({ ...document.secrets[0]?.value }).toEqual({ ...value });
    }),
    { numRuns: 60 },
  );
});

test("of very many faults the first fifty are told, and how many more there are", () => {
  const text = `version: 1\nmodels:\n${"  - { nam: x }\n".repeat(5_000)}`;
  let message = "";
  try {
    parseConfigText(text, {});
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message.split("\n")).toHaveLength(51);
  expect(message).toMatch(/and \d+ more$/);
});
