import { configV1 } from "#contracts";
import { apiKeyViolations } from "../api-keys/api-key-rules.ts";
import { budgetViolations } from "../budgets/budget-rules.ts";
import { endpointViolations } from "../endpoints/endpoint-rules.ts";
import { endpointWarnings } from "../endpoints/endpoint-warnings.ts";
import { modelDefinitionViolations, modelDefinitionWarnings } from "../model-definitions/model-definition-rules.ts";
import { idleApiKeyWarnings, idleBudgetWarnings } from "../policies/not-acted-on.ts";
import { secretValueViolations, secretViolations } from "../secrets/secret-rules.ts";
import type { UpstreamPlaces } from "../upstreams/base-url-rules.ts";
import { credentialWarnings } from "../upstreams/provider-rules.ts";
import type { Violation } from "../violations.ts";
import type { ApplyScope } from "./apply-scope.ts";
import { documentAddressViolations } from "./document-address-violations.ts";
import { toApiKey, toEndpoint, toModelDefinition, toSecretInfo } from "./document-messages.ts";
import { toDocumentPath } from "./document-path.ts";
import { keyValueViolations } from "./key-value-violations.ts";
import { referenceViolations } from "./reference-violations.ts";
import { secretsAfter } from "./secrets-after.ts";

/** Everything that is wrong with a document, by its own paths. */
export function documentViolations(scope: ApplyScope, places: UpstreamPlaces): Violation[] {
  const { document } = scope;
  const models = modelsByName(scope);
  const violations = [
    ...(document.version === 1 ? [] : [{ field: "version", description: "must be 1" }]),
    ...referenceViolations(scope),
    ...document.secrets.flatMap((entry, index) => [
      ...secretViolations(toSecretInfo(entry), `secrets[${index}]`, places),
      ...secretValueViolations(entry.provider, entry.value, `secrets[${index}].value`),
    ]),
    ...document.models.flatMap((entry, index) =>
      modelDefinitionViolations(toModelDefinition(entry, undefined), `models[${index}]`, places),
    ),
    ...documentAddressViolations(scope),
    ...document.endpoints.flatMap((entry, index) => [
      ...endpointViolations(toEndpoint(entry, asIs), models, `endpoints[${index}]`),
      ...fallbackWeightViolations(entry, `endpoints[${index}]`),
    ]),
    ...document.keys.flatMap((entry, index) => apiKeyViolations(toApiKey(entry), `keys[${index}]`)),
    ...keyValueViolations(scope),
    ...document.budgets.flatMap((entry, index) => budgetViolations(entry, `budgets[${index}]`)),
  ];
  return violations.map(({ field, description }) => ({ field: toDocumentPath(field, document), description }));
}

/** What the writer of a valid document should know of; fields that share a message share a warning. */
export function documentWarnings(scope: ApplyScope): configV1.Warning[] {
  const { document } = scope;
  const models = modelsByName(scope);
  const secrets = secretsAfter(scope);
  const warnings = [
    ...document.secrets.flatMap(({ provider, value }, index) =>
      credentialWarnings(provider, Object.keys(value), `secrets[${index}].value`),
    ),
    ...document.models.flatMap((entry, index) =>
      modelDefinitionWarnings(toModelDefinition(entry, undefined), secrets.get(entry.secret), `models[${index}]`),
    ),
    ...document.endpoints.flatMap((entry, index) =>
      endpointWarnings(toEndpoint(entry, asIs), models, `endpoints[${index}]`),
    ),
    ...document.keys.flatMap((entry, index) => idleApiKeyWarnings(toApiKey(entry), `keys[${index}]`)),
    ...document.budgets.flatMap((entry, index) => idleBudgetWarnings(entry, `budgets[${index}]`)),
  ];
  const byMessage = Map.groupBy(warnings, ({ message }) => message);
  return [...byMessage].map(([message, alike]) => ({
    field: alike.map(({ field }) => toDocumentPath(field, document)).join(", "),
    message,
  }));
}

/** While a document is checked its models have no ids yet: their names stand for them. */
const asIs = (name: string) => name;

/**
 * The models that the endpoints of a document may name, by name. A name that stands for nothing is here too, since
 * `referenceViolations` tells it with its place and what may have been meant.
 */
function modelsByName({ document, stored }: ApplyScope): Map<string, configV1.GatewayModelDefinition> {
  const models = new Map([...stored.models].map(([name, { value }]) => [name, value]));
  for (const entry of document.models) {
    models.set(entry.name, toModelDefinition(entry, undefined));
  }
  for (const { model } of document.endpoints.flatMap(({ primary, fallback }) => [...primary, ...fallback])) {
    if (model !== "" && !models.has(model)) {
      models.set(model, configV1.GatewayModelDefinition.fromPartial({ name: model }));
    }
  }
  return models;
}

function fallbackWeightViolations(entry: configV1.EndpointEntry, prefix: string): Violation[] {
  return entry.fallback.flatMap(({ weight }, index) =>
    weight === undefined
      ? []
      : [{ field: `${prefix}.fallback[${index}].weight`, description: "belongs to an entry of primary" }],
  );
}
