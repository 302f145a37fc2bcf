import type { configV1 } from "#contracts";
import { invalidFields } from "#rpc";
import { notFoundError } from "../config-errors.ts";
import { requireFound } from "../preconditions.ts";
import { findEndpoint, listModelDefinitions, type WriteTransaction } from "../store/index.ts";
import type { ModelDefinitionsById } from "./mapping-rules.ts";

/** The endpoint of this id. Throws INVALID_ARGUMENT where none is given, NOT_FOUND where none has it. */
export async function requireEndpoint(
  transaction: WriteTransaction,
  endpointId: string | undefined,
  field: string,
): Promise<configV1.GatewayEndpoint> {
  if (endpointId === undefined || endpointId === "") {
    throw invalidFields([{ field, description: "must be set" }]);
  }
  const found = await findEndpoint(transaction.queries, { endpointId });
  return requireFound(found, { resourceType: "endpoint", resourceName: endpointId });
}

/** The model definitions that the mappings name. Throws NOT_FOUND for the first that does not exist; `toPath` is its mapping's. */
export async function requireModelDefinitions(
  transaction: WriteTransaction,
  mappings: readonly configV1.GatewayEndpointModelMapping[],
  toPath: (index: number) => string,
): Promise<ModelDefinitionsById> {
  const ids = mappings.map((mapping) => mapping.modelDefinitionId ?? "");
  const found = await listModelDefinitions(transaction.queries, { modelDefinitionIds: ids });
  const models = new Map(found.map((model) => [model.modelDefinitionId ?? "", model]));
  const missing = ids.findIndex((id) => id !== "" && !models.has(id));
  if (missing !== -1) {
    const resource = { resourceType: "model" as const, resourceName: ids[missing] ?? "" };
    throw notFoundError(resource, `${toPath(missing)}.model_definition_id`);
  }
  return models;
}

/** An endpoint as errors name it. */
export function toEndpointReference(stored: configV1.GatewayEndpoint) {
  return { resourceType: "endpoint" as const, resourceName: stored.name ?? "" };
}
