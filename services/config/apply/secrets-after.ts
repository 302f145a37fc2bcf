import { type SecretOutline, toSecretOutline } from "../upstreams/provider-rules.ts";
import type { ApplyScope } from "./apply-scope.ts";

/** The secrets that will exist once a document is applied, by their names. */
export function secretsAfter({ document, stored, gone }: ApplyScope): ReadonlyMap<string, SecretOutline> {
  const kept = [...stored.secrets].filter(([name]) => !gone.secrets.has(name));
  return new Map<string, SecretOutline>([
    ...kept.map(([name, { value }]) => [name, toSecretOutline(value.info)] as const),
    ...document.secrets.map(
      ({ name, provider, authConfig, value }) =>
        [name, { provider, authConfig, valueKeys: Object.keys(value) }] as const,
    ),
  ]);
}
