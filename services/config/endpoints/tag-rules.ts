import type { configV1 } from "#contracts";
import { textViolations } from "../field-rules.ts";
import type { Violation } from "../violations.ts";
import { repeatedEntries } from "./repeated-entries.ts";

/** What is wrong with one tag; `prefix` is its path. */
export function tagViolations(tag: configV1.GatewayEndpointTag, prefix: string): Violation[] {
  return [
    ...textViolations(tag.key, `${prefix}.key`, { maxLength: 250 }),
    ...textViolations(tag.value, `${prefix}.value`, { maxLength: 5000, isRequired: false }),
  ];
}

/** What is wrong with all tags of an endpoint; `prefix` is the path of the list. */
export function tagListViolations(tags: readonly configV1.GatewayEndpointTag[], prefix: string): Violation[] {
  if (tags.length > mostTags) {
    return [{ field: prefix, description: `an endpoint has at most ${mostTags} tags, not ${tags.length}` }];
  }
  return [
    ...tags.flatMap((tag, index) => tagViolations(tag, `${prefix}[${index}]`)),
    ...repeatedEntries(tags, (tag) => tag.key).map((index) => ({
      field: `${prefix}[${index}].key`,
      description: "must not be there twice",
    })),
  ];
}

const mostTags = 100;
