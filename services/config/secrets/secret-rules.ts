import type { configV1 } from "#contracts";
import { textViolations, writerViolations } from "../field-rules.ts";
import { baseUrlViolations, type UpstreamPlaces } from "../upstreams/base-url-rules.ts";
import { headerValueViolations, providerViolations } from "../upstreams/provider-rules.ts";
import type { Violation } from "../violations.ts";

/** What is wrong with a credential's clear part; `prefix` is its path, e.g. `secret`. */
export function secretViolations(
  secret: configV1.GatewaySecretInfo,
  prefix: string,
  places: UpstreamPlaces,
): Violation[] {
  return [
    ...textViolations(secret.secretName, `${prefix}.secret_name`, { maxLength: 255 }),
    ...providerViolations(secret.provider, `${prefix}.provider`),
    ...authConfigViolations(secret.authConfig, `${prefix}.auth_config`, places),
    ...headerValueViolations(secret.provider, secret.authConfig, `${prefix}.auth_config`),
    ...writerViolations(secret.createdBy, `${prefix}.created_by`),
    ...writerViolations(secret.lastUpdatedBy, `${prefix}.last_updated_by`),
  ];
}

/** What is wrong with a credential's value; `prefix` is the path of the map. No description shows anything of it. */
export function secretValueViolations(
  provider: string | undefined,
  value: Readonly<Record<string, string>>,
  prefix: string,
): Violation[] {
  const tooLong = Object.entries(value).flatMap(([key, text]) =>
    text.length > maxValueLength
      ? [{ field: `${prefix}.${key}`, description: `must have at most ${maxValueLength} characters` }]
      : [],
  );
  const empty = Object.entries(value).flatMap(([key, text]) =>
    text.trim() === ""
      ? [{ field: `${prefix}.${key}`, description: "must not be empty; leave the key out instead" }]
      : [],
  );
  return [...mapKeyViolations(value, prefix), ...tooLong, ...empty, ...headerValueViolations(provider, value, prefix)];
}

/** The keys of `auth_config` that say where a credential is sent. */
export const addressKeys: readonly string[] = ["api_base", "base_url"];

function authConfigViolations(
  authConfig: Readonly<Record<string, string>>,
  prefix: string,
  places: UpstreamPlaces,
): Violation[] {
  return [
    ...mapKeyViolations(authConfig, prefix),
    ...Object.entries(authConfig).flatMap(([key, value]) =>
      addressKeys.includes(key)
        ? baseUrlViolations(value, `${prefix}.${key}`, places)
        : textViolations(value, `${prefix}.${key}`, { maxLength: maxValueLength, isRequired: false }),
    ),
  ];
}

function mapKeyViolations(map: Readonly<Record<string, string>>, prefix: string): Violation[] {
  const keys = Object.keys(map);
  if (keys.length > maxKeys) {
    return [{ field: prefix, description: `must have at most ${maxKeys} keys, not ${keys.length}` }];
  }
  return keys.flatMap((key) =>
    keyPattern.test(key)
      ? []
      : [{ field: prefix, description: "must have keys of 1 to 128 letters, digits, _, - and ." }],
  );
}

const maxKeys = 32;
const maxValueLength = 16 * 1024;
const keyPattern = /^[A-Za-z0-9_.-]{1,128}$/;
