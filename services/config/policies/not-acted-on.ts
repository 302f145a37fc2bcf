import type { configV1 } from "#contracts";

/** The fields of a policy that are stored and that nothing acts on yet. The list gets shorter with every version. */
const policyFields = [
  ["breaker", "breaker"],
  ["hedgeAfterMs", "hedge_after_ms"],
  ["maxConcurrency", "max_concurrency"],
  ["maxQueueWaitMs", "max_queue_wait_ms"],
] as const satisfies readonly (readonly [keyof configV1.Policy, string])[];

/** A holder of a policy, and perhaps of a probe, e.g. a model definition. */
interface PolicyPart {
  readonly policy: configV1.Policy | undefined;
  readonly probe?: configV1.Probe | undefined;
}

/** Warnings for what a model definition or mapping sets and nothing acts on yet; `prefix` is its path. */
export function idlePolicyWarnings(holder: PolicyPart, prefix: string): configV1.Warning[] {
  const idle: string[] = policyFields
    .filter(([key]) => holder.policy?.[key] !== undefined)
    .map(([, path]) => `policy.${path}`);
  return [...idle, ...(holder.probe === undefined ? [] : ["probe"])].map((path) => notActedOn(`${prefix}.${path}`));
}

/** Warnings for what an endpoint itself, without its mappings, sets and nothing acts on yet. */
export function idleEndpointWarnings(endpoint: configV1.GatewayEndpoint, prefix: string): configV1.Warning[] {
  return [
    ...idlePolicyWarnings({ policy: endpoint.policy }, prefix),
    ...(endpoint.rules.length === 0 ? [] : [notActedOn(`${prefix}.rules`)]),
    ...(endpoint.stickyKey === undefined ? [] : [notActedOn(`${prefix}.sticky_key`)]),
  ];
}

/** Warnings for what an API key sets and nothing acts on yet. */
export function idleApiKeyWarnings(key: configV1.ApiKey, prefix: string): configV1.Warning[] {
  return key.limits === undefined ? [] : [notActedOn(`${prefix}.limits`)];
}

/** Warnings for a budget: nothing acts on budgets yet. */
export function idleBudgetWarnings(_budget: configV1.BudgetEntry, prefix: string): configV1.Warning[] {
  return [notActedOn(prefix)];
}

function notActedOn(field: string): configV1.Warning {
  return { field, message: "is stored, and not acted on yet by this version" };
}
