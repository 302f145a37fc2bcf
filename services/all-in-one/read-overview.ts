import type { configV1 } from "#contracts";
import type { Service } from "#rpc";

/** What the database holds, in short. */
export interface Overview {
  readonly endpoints: readonly string[];
  readonly hasKeys: boolean;
}

/** Reads what is in force now from the first message of a watch, which is then left. */
export async function readOverview(
  config: Pick<Service<configV1.ConfigServiceDefinition>, "watchConfig">,
  metadata: Readonly<Record<string, string>>,
): Promise<Overview> {
  const request = { resumeRevision: 0n, nodeId: "start" };
  for await (const { event } of config.watchConfig(request, { metadata })) {
    if (event?.$case !== "snapshot") continue;
    const { endpoints, apiKeys } = event.value;
    return { endpoints: endpoints.map(({ name = "" }) => name), hasKeys: apiKeys.length > 0 };
  }
  return { endpoints: [], hasKeys: false };
}
