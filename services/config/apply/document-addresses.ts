import { type AuthConfig, addressViolations, secretAddressViolations } from "../upstreams/provider-rules.ts";
import type { Violation } from "../violations.ts";
import type { ApplyScope } from "./apply-scope.ts";
import { toModelDefinition } from "./document-messages.ts";

/** Models without an address once a document is applied: its own, and those of others that use its secrets. */
export function documentAddressViolations(scope: ApplyScope): Violation[] {
  const { document, stored, gone } = scope;
  const configs = secretConfigs(scope);
  const named = new Set(document.models.map(({ name }) => name));
  const staying = [...stored.models].flatMap(([name, { value }]) =>
    named.has(name) || gone.models.has(name) ? [] : [value],
  );
  return [
    ...document.models.flatMap((entry, index) =>
      // A secret that is not there is told of as such.
      entry.secret !== "" && !configs.has(entry.secret)
        ? []
        : addressViolations(
            toModelDefinition(entry, undefined),
            configs.get(entry.secret),
            `models[${index}].base_url`,
          ),
    ),
    ...document.secrets.flatMap(({ name, authConfig }, index) =>
      secretAddressViolations(
        authConfig,
        staying.filter(({ secretName }) => secretName === name),
        `secrets[${index}].auth_config.api_base`,
      ),
    ),
  ];
}

/** What the secrets will say of addresses, by their names. */
function secretConfigs({ document, stored, gone }: ApplyScope): ReadonlyMap<string, AuthConfig> {
  const kept = [...stored.secrets].filter(([name]) => !gone.secrets.has(name));
  return new Map([
    ...kept.map(([name, { value }]): [string, AuthConfig] => [name, value.info.authConfig]),
    ...document.secrets.map(({ name, authConfig }): [string, AuthConfig] => [name, authConfig]),
  ]);
}
