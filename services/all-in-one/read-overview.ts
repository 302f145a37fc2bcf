import type { configV1, inferenceV1 } from "#contracts";
import { RpcError, type Service } from "#rpc";

/** What is in force, in short. */
export interface Overview {
  /** Names of endpoints, in alphabetical order; 1000 at most. */
  readonly endpoints: readonly string[];
  /** Whether whoever calls without a key is answered. */
  readonly isOpen: boolean;
}

/** Reads what is in force, by calling the services as anybody would. `asAdmin` is the credential for the config service. */
export async function readOverview(
  inference: Pick<Service<inferenceV1.InferenceServiceDefinition>, "listModels">,
  config: Pick<Service<configV1.ConfigServiceDefinition>, "listEndpoints">,
  asAdmin: Readonly<Record<string, string>>,
): Promise<Overview> {
  const all = { pageSize: 1000, pageToken: "", provider: "", secretId: "" };
  const { endpoints } = await config.listEndpoints(all, { metadata: asAdmin });
  return { endpoints: endpoints.map(({ name = "" }) => name), isOpen: await answersWithoutKey(inference) };
}

async function answersWithoutKey(
  inference: Pick<Service<inferenceV1.InferenceServiceDefinition>, "listModels">,
): Promise<boolean> {
  try {
    await inference.listModels({});
    return true;
  } catch (error) {
    if (error instanceof RpcError && error.code === "UNAUTHENTICATED") return false;
    throw error;
  }
}
