import { configV1 } from "#contracts";
import { enumViolations, rangeViolations, textViolations } from "../field-rules.ts";
import type { Violation } from "../violations.ts";

/** What is wrong with a budget; `prefix` is its path, e.g. `budgets[0]`. */
export function budgetViolations(budget: configV1.BudgetEntry, prefix: string): Violation[] {
  return [
    ...textViolations(budget.name, `${prefix}.name`, { maxLength: 255 }),
    ...(Number.isFinite(budget.amount) && budget.amount > 0
      ? []
      : [{ field: `${prefix}.amount`, description: `must be above 0, not ${budget.amount}` }]),
    ...requiredEnumViolations(budget.unit, `${prefix}.unit`, configV1.BudgetUnit),
    ...requiredEnumViolations(budget.duration?.unit, `${prefix}.duration.unit`, configV1.BudgetDurationUnit),
    ...rangeViolations(budget.duration?.value ?? 0, `${prefix}.duration.value`, { least: 1, most: 10_000 }),
    ...requiredEnumViolations(budget.scope, `${prefix}.scope`, configV1.BudgetTargetScope),
    ...requiredEnumViolations(budget.action, `${prefix}.action`, configV1.BudgetAction),
  ];
}

function requiredEnumViolations(
  value: number | undefined,
  field: string,
  values: Readonly<Record<string, number>>,
): Violation[] {
  return enumViolations(value, field, { values, isRequired: true });
}
