import { nearestName } from "#config-file";
import type { configV1 } from "#contracts";
import { findProvider, listProviders } from "#providers";
import { textViolations } from "../field-rules.ts";
import type { Violation } from "../violations.ts";

/** Clear part of a secret, as far as it says where its provider is. */
export type AuthConfig = Readonly<Record<string, string>>;

/** What the rules look at of a secret: all but its value. */
export interface SecretOutline {
  readonly provider: string;
  readonly authConfig: AuthConfig;
  /** Keys of its value, e.g. `api_key`. */
  readonly valueKeys: readonly string[];
}

/** The outline of a secret that reads show. */
export function toSecretOutline({ provider, authConfig, maskedValues }: configV1.GatewaySecretInfo): SecretOutline {
  return { provider: provider ?? "", authConfig, valueKeys: Object.keys(maskedValues) };
}

/** What is wrong with the id of a provider: there must be one of this name. */
export function providerViolations(id: string | undefined, field: string): Violation[] {
  const violations = textViolations(id, field, { maxLength: 64 });
  if (id === undefined || violations.length > 0 || findProvider(id) !== undefined) {
    return violations;
  }
  const known = listProviders().map((provider) => provider.id);
  const nearest = nearestName(id, known);
  const suggestion = nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
  return [
    { field, description: `there is no provider ${JSON.stringify(id)}${suggestion} (known: ${known.join(", ")})` },
  ];
}

/** What the provider itself has against the name of a model. */
export function modelNameViolations(model: configV1.GatewayModelDefinition, field: string): Violation[] {
  const violations = textViolations(model.modelName, field, { maxLength: 256 });
  if (violations.length > 0) {
    return violations;
  }
  const description = findProvider(model.provider ?? "")?.validateModel?.(model.modelName ?? "");
  return description === undefined ? [] : [{ field, description }];
}

/** What is wrong with a model definition that has no address: neither its own, nor its secret's, nor its provider's. */
export function addressViolations(
  model: configV1.GatewayModelDefinition,
  secretConfig: AuthConfig | undefined,
  field: string,
): Violation[] {
  return needsAddressOfSecret(model) && secretConfig?.api_base === undefined
    ? [
        {
          field,
          description: `must be set (or api_base in the auth_config of the secret): ${model.provider} has no address of its own`,
        },
      ]
    : [];
}

/** What is wrong with a secret's `auth_config` for the model definitions that use it; `field` is the path of `api_base`. */
export function secretAddressViolations(
  secretConfig: AuthConfig,
  users: readonly configV1.GatewayModelDefinition[],
  field: string,
): Violation[] {
  const lost = secretConfig.api_base === undefined ? users.filter(needsAddressOfSecret) : [];
  return lost.length === 0
    ? []
    : [
        {
          field,
          description: `must be set: the models ${lost.map(({ name }) => name).join(", ")} have no other address`,
        },
      ];
}

/** What is wrong with values of a secret, or of its `auth_config`, that travel in headers. No description shows anything of them. */
export function headerValueViolations(
  providerId: string | undefined,
  values: Readonly<Record<string, string>>,
  prefix: string,
): Violation[] {
  const modes = findProvider(providerId ?? "")?.authModes ?? [];
  const names = new Set(modes.flatMap(({ headerFields }) => headerFields));
  return Object.entries(values).flatMap(([name, value]) =>
    // A line end after a pasted key is no part of it.
    !names.has(name) || /^[ -~]*$/.test(value.trim())
      ? []
      : [{ field: `${prefix}.${name}`, description: "must be printable ASCII in one line: it travels in a header" }],
  );
}

/**
 * Says that calls to a provider will lack what it asks for. `valueKeys` are the keys of the secret's value, undefined where
 * there is no secret; a provider with several ways to authenticate needs the keys of one of them.
 */
export function credentialWarnings(
  providerId: string | undefined,
  valueKeys: readonly string[] | undefined,
  field: string,
): configV1.Warning[] {
  const modes = findProvider(providerId ?? "")?.authModes ?? [];
  const held = new Set(valueKeys);
  if (modes.length === 0 || modes.some(({ secretFields }) => secretFields.every((key) => held.has(key)))) {
    return [];
  }
  const needed = modes.map(({ secretFields }) => secretFields.join(" and ")).join(", or ");
  const message =
    valueKeys === undefined
      ? `is not set: calls go without ${needed}, which ${providerId} needs`
      : `the value of the secret lacks ${needed}, which ${providerId} needs`;
  return [{ field, message }];
}

function needsAddressOfSecret({ provider, baseUrl }: configV1.GatewayModelDefinition): boolean {
  return baseUrl === undefined && findProvider(provider ?? "")?.needsBaseUrl === true;
}
