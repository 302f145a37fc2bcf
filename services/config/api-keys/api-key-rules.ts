import type { configV1 } from "#contracts";
import { rangeViolations, textViolations } from "../field-rules.ts";
import type { Violation } from "../violations.ts";

/** What is wrong with an API key; `prefix` is its path. Whether its endpoints exist is another question. */
export function apiKeyViolations(key: configV1.ApiKey, prefix: string): Violation[] {
  return [
    ...textViolations(key.name, `${prefix}.name`, { maxLength: 255 }),
    ...(key.keyHash.length === 32 ? [] : [{ field: `${prefix}.key_hash`, description: "must have 32 bytes" }]),
    ...key.endpoints.flatMap((name, index) =>
      textViolations(name, `${prefix}.endpoints[${index}]`, { maxLength: 255 }),
    ),
    ...(key.endpoints.length > maxEndpoints
      ? [{ field: `${prefix}.endpoints`, description: `must have at most ${maxEndpoints} entries` }]
      : []),
    ...rangeViolations(key.limits?.requestsPerMinute, `${prefix}.limits.requests_per_minute`, someOf),
    ...rangeViolations(key.limits?.tokensPerMinute, `${prefix}.limits.tokens_per_minute`, someOf),
  ];
}

const maxEndpoints = 1000;
const someOf = { least: 1, most: Number.MAX_SAFE_INTEGER };
