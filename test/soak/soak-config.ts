import { scenarioKey, upstreamSecret } from "../scenarios/scenario-config.ts";

/** The configuration of a soak: `flaky` plays the faults, `steady` is well. */
export function toSoakConfig(baseUrl: string): string {
  const toModel = (name: string) => ({
    name,
    provider: "openai-compatible",
    model: name,
    secret: "upstream",
    base_url: baseUrl,
  });
  const toEndpoint = (name: string, policy: object) => ({
    name,
    primary: [{ model: "flaky", weight: 1 }],
    fallback: [{ model: "steady" }],
    fallback_config: { strategy: "SEQUENTIAL" },
    policy: {
      // Long enough for a busy machine; what hangs costs so much in each request.
      timeouts: { connect: 3_000, first_token: 2_000, idle: 2_000, attempt: 3_000, deadline: 20_000 },
      retries: { max: 0 },
      // Every fault is to be met, so the breaker may not hide the target that has them.
      breaker: { min_requests: 1_000_000 },
      ...policy,
    },
  });
  return JSON.stringify({
    version: 1,
    secrets: [{ name: "upstream", provider: "openai-compatible", value: { api_key: upstreamSecret } }],
    models: [toModel("flaky"), toModel("steady")],
    endpoints: [toEndpoint("mixed", { max_concurrency: 5_000 }), toEndpoint("hedged", { hedge_after: 50 })],
    keys: [{ name: "scenarios", value: scenarioKey }],
  });
}
