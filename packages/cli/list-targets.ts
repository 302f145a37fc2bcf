import type { routingV1 } from "#contracts";
import type { RoutingCalls } from "./call-routing.ts";
import { UsageError } from "./usage-error.ts";

/** Every target, in the order of their ids. */
export async function listTargets({ routing, context }: RoutingCalls): Promise<routingV1.TargetHealth[]> {
  const targets: routingV1.TargetHealth[] = [];
  let pageToken = "";
  do {
    const page = await routing.listTargetHealth({ pageSize: 0, pageToken }, context);
    targets.push(...page.targets);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return targets;
}

/** The id of the target that is meant: an id as it is, or `provider/model` where only one target is called so. */
export async function findTargetId(calls: RoutingCalls, name: string): Promise<string> {
  const targets = await listTargets(calls);
  if (targets.some(({ targetId }) => targetId === name)) {
    return name;
  }
  const called = targets.filter((target) => toTargetName(target) === name);
  const [only, ...others] = called;
  if (only === undefined) {
    throw new UsageError(`no target has the id or name ${name}; see spillway targets`);
  }
  if (others.length > 0) {
    const ids = called.map(({ targetId, baseUrl }) => (baseUrl === "" ? targetId : `${targetId} at ${baseUrl}`));
    throw new UsageError(`${name} means ${called.length} targets, give one's id: ${ids.join(", ")}`);
  }
  return only.targetId;
}

/** `provider/model`. */
export function toTargetName({ provider, model }: routingV1.TargetHealth): string {
  return `${provider}/${model}`;
}
