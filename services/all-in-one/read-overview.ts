import type { configV1, inferenceV1 } from "#contracts";
import { RpcError, type Service } from "#rpc";

/** What is in force, in short. */
export interface Overview {
  /** Names of endpoints, in alphabetical order; 1000 at most. */
  readonly endpoints: readonly string[];
  readonly access: Access;
}

/** Who is answered: everybody, whoever shows an API key, or nobody until there is a key. */
export type Access = "open" | "by keys" | "closed";

/** Reads what is in force, by calling the services as anybody would. `asAdmin` is the credential for the config service. */
export async function readOverview(
  inference: Pick<Service<inferenceV1.InferenceServiceDefinition>, "listModels">,
  config: Pick<Service<configV1.ConfigServiceDefinition>, "listEndpoints">,
  asAdmin: Readonly<Record<string, string>>,
): Promise<Overview> {
  const all = { pageSize: 1000, pageToken: "", provider: "", secretId: "" };
  const { endpoints } = await config.listEndpoints(all, { metadata: asAdmin });
  return { endpoints: endpoints.map(({ name = "" }) => name), access: await readAccess(inference) };
}

// Too short to be one: it is refused as unknown where keys exist, and as missing where none do.
const noKey = { metadata: { authorization: "Bearer none" } };

async function readAccess(
  inference: Pick<Service<inferenceV1.InferenceServiceDefinition>, "listModels">,
): Promise<Access> {
  try {
    await inference.listModels({}, noKey);
    return "open";
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== "UNAUTHENTICATED") {
      throw error;
    }
    return error.reason === "CREDENTIAL_INVALID" ? "by keys" : "closed";
  }
}
