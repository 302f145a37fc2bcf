import type { configV1 } from "#contracts";
import type { ConfigStore, WriteTransaction } from "./store/index.ts";

/** Source of what is written through the API. */
const apiSource = "api";

/** Writes as one revision of the API, and gives what `work` made. If `work` throws, nothing was written. */
export async function writeAsApi<Value>(
  store: ConfigStore,
  work: (transaction: WriteTransaction) => Promise<Value>,
): Promise<Value> {
  return (await store.inWriteTransaction({ source: apiSource }, work)).value;
}

/** The warning that goes with a change, through the API, of what a file owns. */
export function ownershipWarnings(source: string | undefined, field: string): configV1.Warning[] {
  return source === undefined || source === apiSource
    ? []
    : [{ field, message: `belongs to ${source}: the next apply of it overwrites this change` }];
}
