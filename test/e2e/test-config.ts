/** Where the targets of the test configuration are. */
export interface TestUpstreams {
  readonly first: { readonly baseUrl: string };
  readonly second: { readonly baseUrl: string };
}

/** A key that may use every endpoint, and one that may use `chat` alone. */
export const testKeys = { all: "sk-test-all-0123456789abcdef", narrow: "sk-test-narrow-0123456789abcdef" };

/** Targets as trails and spans name them. */
export const testTargets = { first: "openai-compatible/first-model", second: "openai-compatible/second-model" };

/**
 * The configuration that the scenarios share: `chat` falls back from the first target to the second, `split` draws between
 * them 0.3 to 0.7, `solo` has the first alone and retries once. No breaker opens: scenarios must not reach each other.
 */
export function toTestConfig({ first, second }: TestUpstreams): string {
  const policy = "policy: { breaker: { min_requests: 1000000 } }";
  const model = `provider: openai-compatible, secret: local, ${policy}`;
  return `version: 1
secrets:
  - { name: local, provider: openai-compatible, value: { api_key: sk-upstream-secret } }
models:
  - { name: first, model: first-model, base_url: "${first.baseUrl}", ${model} }
  - { name: second, model: second-model, base_url: "${second.baseUrl}", ${model} }
endpoints:
  - name: chat
    primary: [{ model: first, weight: 1 }]
    fallback: [{ model: second }]
    fallback_config: { strategy: SEQUENTIAL, max_attempts: 1 }
    policy: { retries: { max: 0 } }
  - name: split
    routing_strategy: REQUEST_BASED_TRAFFIC_SPLIT
    primary: [{ model: first, weight: 0.3 }, { model: second, weight: 0.7 }]
    policy: { retries: { max: 0 } }
  - name: solo
    primary: [{ model: first, weight: 1 }]
    policy: { retries: { max: 1, initial_backoff: 1, max_backoff: 10 } }
keys:
  - { name: all, value: ${testKeys.all} }
  - { name: narrow, value: ${testKeys.narrow}, endpoints: [chat] }
`;
}
