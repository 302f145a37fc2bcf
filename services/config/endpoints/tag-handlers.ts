import { configV1 } from "#contracts";
import { invalidFields, type Service } from "#rpc";
import { type ConfigStore, replaceEndpoint, type WriteTransaction } from "../store/index.ts";
import { refuseViolations } from "../violations.ts";
import { ownershipWarnings, writeAsApi } from "../write-as-api.ts";
import { requireEndpoint } from "./stored-endpoint.ts";
import { tagListViolations, tagViolations } from "./tag-rules.ts";

type TagMethods = Pick<Service<configV1.ConfigServiceDefinition>, "setEndpointTag" | "deleteEndpointTag">;

/** The methods that set and delete a tag of an endpoint. */
export function createTagHandlers(store: ConfigStore): TagMethods {
  return {
    setEndpointTag: (request) => writeAsApi(store, (transaction) => setEndpointTag(transaction, request)),
    deleteEndpointTag: (request) => writeAsApi(store, (transaction) => deleteEndpointTag(transaction, request)),
  };
}

async function setEndpointTag(
  transaction: WriteTransaction,
  request: configV1.SetEndpointTagRequest,
): Promise<configV1.SetEndpointTagResponse> {
  const tag = request.tag ?? configV1.GatewayEndpointTag.fromPartial({});
  refuseViolations(tagViolations(tag, "tag"));
  const stored = await requireEndpoint(transaction, request.endpointId, "endpoint_id");
  const tags = [...stored.tags.filter(({ key }) => key !== tag.key), tag];
  refuseViolations(tagListViolations(tags, "tag"));
  await replaceEndpoint(transaction, stored, { ...stored, tags, lastUpdatedBy: undefined });
  return { warnings: ownershipWarnings(stored.source, "endpoint_id") };
}

async function deleteEndpointTag(
  transaction: WriteTransaction,
  request: configV1.DeleteEndpointTagRequest,
): Promise<configV1.DeleteEndpointTagResponse> {
  if (request.key === "") {
    throw invalidFields([{ field: "key", description: "must be set" }]);
  }
  const stored = await requireEndpoint(transaction, request.endpointId, "endpoint_id");
  const tags = stored.tags.filter(({ key }) => key !== request.key);
  await replaceEndpoint(transaction, stored, { ...stored, tags, lastUpdatedBy: undefined });
  return { warnings: ownershipWarnings(stored.source, "endpoint_id") };
}
