import type { configV1 } from "#contracts";
import { rangeViolations, textViolations, writerViolations } from "../field-rules.ts";
import { policyViolations, probeViolations } from "../policies/policy-rules.ts";
import { baseUrlViolations, type UpstreamPlaces } from "../upstreams/base-url-rules.ts";
import { modelNameViolations, providerViolations } from "../upstreams/provider-rules.ts";
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

/** Warnings for a model definition whose secret is for another provider; `secretProvider` is unset where it has no secret. */
export function secretFitWarnings(
  model: configV1.GatewayModelDefinition,
  secretProvider: string | undefined,
  prefix: string,
): configV1.Warning[] {
  return secretProvider === undefined || secretProvider === model.provider
    ? []
    : [
        {
          field: `${prefix}.secret_id`,
          message: `the secret is for provider ${secretProvider}, the model is of ${model.provider}`,
        },
      ];
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
