import type { configV1 } from "#contracts";
import { rangeViolations, textViolations, writerViolations } from "../field-rules.ts";
import { idleModelDefinitionWarnings } from "../policies/not-acted-on.ts";
import { policyViolations, probeViolations } from "../policies/policy-rules.ts";
import { baseUrlViolations, type UpstreamPlaces } from "../upstreams/base-url-rules.ts";
import {
  credentialWarnings,
  modelNameViolations,
  providerViolations,
  type SecretOutline,
} from "../upstreams/provider-rules.ts";
import type { Violation } from "../violations.ts";

/** What is wrong with a model definition by itself; `prefix` is its path. Its secret is another question. */
export function modelDefinitionViolations(
  model: configV1.GatewayModelDefinition,
  prefix: string,
  places: UpstreamPlaces,
): Violation[] {
  return [
    ...textViolations(model.name, `${prefix}.name`, { maxLength: 255 }),
    ...providerViolations(model.provider, `${prefix}.provider`),
    ...modelNameViolations(model, `${prefix}.model_name`),
    ...(model.baseUrl === undefined ? [] : baseUrlViolations(model.baseUrl, `${prefix}.base_url`, places)),
    ...rangeViolations(model.contextWindow, `${prefix}.context_window`, someTokens),
    ...rangeViolations(model.maxOutputTokens, `${prefix}.max_output_tokens`, someTokens),
    ...capabilityViolations(model.capabilities, `${prefix}.capabilities`),
    ...priceViolations(model.price, `${prefix}.price`),
    ...policyViolations(model.policy, `${prefix}.policy`, "target"),
    ...probeViolations(model.probe, `${prefix}.probe`),
    ...writerViolations(model.createdBy, `${prefix}.created_by`),
    ...writerViolations(model.lastUpdatedBy, `${prefix}.last_updated_by`),
  ];
}

/** What the writer of a model definition that is valid should know of; `secret` is the one that it names, if it names one. */
export function modelDefinitionWarnings(
  model: configV1.GatewayModelDefinition,
  secret: SecretOutline | undefined,
  prefix: string,
): configV1.Warning[] {
  return [
    ...secretFitWarnings(model, secret, `${prefix}.secret_id`),
    ...credentialWarnings(model.provider, secret?.valueKeys, `${prefix}.secret_id`),
    ...idleModelDefinitionWarnings(model, prefix),
  ];
}

function secretFitWarnings(
  { provider }: configV1.GatewayModelDefinition,
  secret: SecretOutline | undefined,
  field: string,
): configV1.Warning[] {
  return secret === undefined || secret.provider === provider
    ? []
    : [{ field, message: `the secret is for provider ${secret.provider}, the model is of ${provider}` }];
}

const someTokens = { least: 1, most: Number.MAX_SAFE_INTEGER };
const knownCapabilities: readonly string[] = ["tools", "vision", "json_schema", "streaming"];

function capabilityViolations(capabilities: readonly string[], prefix: string): Violation[] {
  return capabilities.flatMap((capability, index) => {
    if (!knownCapabilities.includes(capability)) {
      return [{ field: `${prefix}[${index}]`, description: `must be one of ${knownCapabilities.join(", ")}` }];
    }
    return capabilities.indexOf(capability) === index
      ? []
      : [{ field: `${prefix}[${index}]`, description: "must not be there twice" }];
  });
}

function priceViolations(price: configV1.Price | undefined, prefix: string): Violation[] {
  return Object.entries({ input: price?.input, output: price?.output }).flatMap(([key, amount]) =>
    amount === undefined || (Number.isFinite(amount) && amount >= 0)
      ? []
      : [{ field: `${prefix}.${key}`, description: `must be a number of USD that is not negative, not ${amount}` }],
  );
}
