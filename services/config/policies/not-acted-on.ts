import type { configV1 } from "#contracts";

/** Warnings for what a model definition sets and nothing acts on yet. */
export function idleModelDefinitionWarnings(
  model: configV1.GatewayModelDefinition,
  prefix: string,
): configV1.Warning[] {
  return model.price === undefined ? [] : [notActedOn(`${prefix}.price`)];
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
