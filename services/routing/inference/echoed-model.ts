import type { CompiledEndpoint } from "../snapshot/snapshot.ts";

/** What the answer's `model` is replaced with; undefined where it tells which model served. */
export function echoedModel({ name, policy }: CompiledEndpoint): string | undefined {
  return policy.echoEndpointName ? name : undefined;
}
