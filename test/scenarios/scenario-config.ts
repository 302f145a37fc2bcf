import { quickPolicy, type Scenario, type ScenarioTarget } from "./scenario.ts";

/** The key that callers of scenarios show. */
export const scenarioKey = "sk-scenarios-0123456789abcdef";

/** The secret that upstreams get and nobody else may see. */
export const upstreamSecret = "upstream_very_secret_9f8e7d";

/** Where targets of scenarios are. */
export interface ScenarioPlaces {
  readonly upstream: string;
  readonly refusing: string;
  readonly silent: string;
}

/** Model of a scenario's target, by which its upstream knows it. No two scenarios share one, so none reaches another. */
export function toModelName(id: string, target: string): string {
  return `${id}.${target}`;
}

/** The configuration file with an endpoint for every scenario: JSON, which is YAML too. */
export function toScenarioConfig(scenarios: readonly Scenario[], places: ScenarioPlaces): string {
  return JSON.stringify({
    version: 1,
    secrets: [{ name: "upstream", provider: "openai-compatible", value: { api_key: upstreamSecret } }],
    models: scenarios.flatMap(({ id, targets }) =>
      Object.entries(targets).map(([name, target]) => ({
        name: toModelName(id, name),
        provider: "openai-compatible",
        model: toModelName(id, name),
        secret: "upstream",
        base_url: toBaseUrl(target, places),
        ...target.model,
      })),
    ),
    endpoints: scenarios.map(toEndpoint),
    keys: [{ name: "scenarios", value: scenarioKey }],
  });
}

function toEndpoint({ id, targets, policy, endpoint }: Scenario): object {
  const [first, ...others] = Object.keys(targets).map((name) => ({ model: toModelName(id, name) }));
  return {
    name: id,
    primary: [{ ...first, weight: 1 }],
    ...(others.length > 0 && { fallback: others, fallback_config: { strategy: "SEQUENTIAL" } }),
    policy: mergePolicy(quickPolicy, policy ?? {}),
    ...endpoint,
  };
}

/** Groups of the policy are merged member by member. */
function mergePolicy(under: Readonly<Record<string, unknown>>, over: Readonly<Record<string, unknown>>): object {
  const merged: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const isGroup = typeof value === "object" && value !== null && !Array.isArray(value);
    merged[name] = isGroup ? { ...(merged[name] as object | undefined), ...value } : value;
  }
  return merged;
}

function toBaseUrl({ at }: ScenarioTarget, places: ScenarioPlaces): string {
  return at === undefined ? places.upstream : places[at];
}
