import type { configV1 } from "#contracts";
import type { RecordedChange, ResourceType, WriteTransaction } from "./write-transaction.ts";

/** Puts a change of a thing into the log; `fields` are those of an update that differ. */
export type RecordChange<Thing> = (
  transaction: WriteTransaction,
  of: Thing,
  change: { readonly kind: configV1.ChangeKind; readonly fields?: readonly string[] },
) => void;

/** Records changes of things of one kind, whose id and name `identify` tells. */
export function recordOf<Thing>(
  resourceType: ResourceType,
  identify: (of: Thing) => Pick<RecordedChange, "resourceId" | "name">,
): RecordChange<Thing> {
  return (transaction, of, { kind, fields = [] }) =>
    transaction.recordChange({ kind, resourceType, ...identify(of), fields });
}
