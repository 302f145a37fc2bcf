import { addressViolations, secretAddressViolations } from "../upstreams/provider-rules.ts";
import type { Violation } from "../violations.ts";
import type { ApplyScope } from "./apply-scope.ts";
import { toModelDefinition } from "./document-messages.ts";
import { secretsAfter } from "./secrets-after.ts";

/** Models without an address once a document is applied: its own, and those of others that use its secrets. */
export function documentAddressViolations(scope: ApplyScope): Violation[] {
  const { document, stored, gone } = scope;
  const secrets = secretsAfter(scope);
  const named = new Set(document.models.map(({ name }) => name));
  const staying = [...stored.models].flatMap(([name, { value }]) =>
    named.has(name) || gone.models.has(name) ? [] : [value],
  );
  return [
    ...document.models.flatMap((entry, index) =>
      // A secret that is not there is told of as such.
      entry.secret !== "" && !secrets.has(entry.secret)
        ? []
        : addressViolations(
            toModelDefinition(entry, undefined),
            secrets.get(entry.secret)?.authConfig,
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
