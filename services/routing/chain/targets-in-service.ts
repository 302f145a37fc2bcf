import type { Target } from "../snapshot/snapshot.ts";

/** The targets that were not drained by hand; all of them where every one was. The same list where none was. */
export function inService(targets: readonly Target[]): readonly Target[] {
  if (!targets.some(isDrained)) {
    return targets;
  }
  const left = targets.filter((target) => !isDrained(target));
  return left.length === 0 ? targets : left;
}

function isDrained({ health }: Target): boolean {
  return health.isDrained;
}
