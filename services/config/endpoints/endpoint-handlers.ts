import { configV1 } from "#contracts";
import type { Service } from "#rpc";
import { inUseError } from "../config-errors.ts";
import { maskedFields, withFields } from "../field-mask.ts";
import { cutPage, fromPageToken, toPageSize } from "../paging.ts";
import { requireEtag, requireFound, requireFree, requireOne } from "../preconditions.ts";
import {
  type ConfigStore,
  deleteEndpoint,
  findEndpoint,
  insertEndpoint,
  listApiKeys,
  listEndpoints,
  replaceEndpoint,
  runOnce,
  type WriteTransaction,
} from "../store/index.ts";
import { refuseViolations } from "../violations.ts";
import { ownershipWarnings, writeAsApi } from "../write-as-api.ts";
import { endpointFields } from "./endpoint-fields.ts";
import { endpointViolations } from "./endpoint-rules.ts";
import { endpointWarnings } from "./endpoint-warnings.ts";
import { requireEndpoint, requireModelDefinitions, toEndpointReference } from "./stored-endpoint.ts";

type EndpointMethods = Pick<
  Service<configV1.ConfigServiceDefinition>,
  "createEndpoint" | "getEndpoint" | "listEndpoints" | "updateEndpoint" | "deleteEndpoint"
>;

/** The methods that create, read, change and delete endpoints. */
export function createEndpointHandlers(store: ConfigStore): EndpointMethods {
  return {
    createEndpoint: (request) => writeAsApi(store, (transaction) => createEndpoint(transaction, request)),
    getEndpoint: async ({ endpointId, name }) => {
      requireOne({ field: "endpoint_id", value: endpointId }, { field: "name", value: name });
      const reference = endpointId === "" ? { name } : { endpointId };
      const found = await store.inReadTransaction((queries) => findEndpoint(queries, reference));
      return { endpoint: requireFound(found, { resourceType: "endpoint", resourceName: endpointId || name }) };
    },
    listEndpoints: async (request) => {
      const pageSize = toPageSize(request);
      const afterName = fromPageToken(request);
      const found = await store.inReadTransaction((queries) =>
        listEndpoints(queries, {
          limit: pageSize + 1,
          ...(afterName === undefined ? {} : { afterName }),
          ...(request.provider === "" ? {} : { provider: request.provider }),
          ...(request.secretId === "" ? {} : { secretId: request.secretId }),
        }),
      );
      const { entries, nextPageToken } = cutPage(found, pageSize, ({ name }) => name ?? "");
      return { endpoints: entries, nextPageToken };
    },
    updateEndpoint: (request) => writeAsApi(store, (transaction) => updateEndpoint(transaction, request)),
    deleteEndpoint: (request) => writeAsApi(store, (transaction) => removeEndpoint(transaction, request)),
  };
}

async function createEndpoint(
  transaction: WriteTransaction,
  request: configV1.CreateEndpointRequest,
): Promise<configV1.CreateEndpointResponse> {
  const wanted = request.endpoint ?? configV1.GatewayEndpoint.fromPartial({});
  const createRequest = {
    method: "CreateEndpoint",
    requestId: request.requestId,
    toContent: () => configV1.CreateEndpointRequest.encode({ ...request, requestId: "" }).finish(),
    response: configV1.CreateEndpointResponse,
  };
  return await runOnce(transaction, createRequest, async () => {
    const models = await requireModelDefinitions(transaction, wanted.modelMappings, toMappingPath);
    refuseViolations(endpointViolations(wanted, models, "endpoint"));
    await requireFreeName(transaction, wanted.name);
    const endpoint = await insertEndpoint(transaction, wanted);
    return { endpoint, warnings: endpointWarnings(endpoint, models, "endpoint") };
  });
}

async function updateEndpoint(
  transaction: WriteTransaction,
  request: configV1.UpdateEndpointRequest,
): Promise<configV1.UpdateEndpointResponse> {
  const given = request.endpoint ?? configV1.GatewayEndpoint.fromPartial({});
  const stored = await requireEndpoint(transaction, given.endpointId, "endpoint.endpoint_id");
  requireEtag(given.etag, stored.etag, toEndpointReference(stored));
  const named = maskedFields(endpointFields, given, request.updateMask);
  const wanted = { ...withFields(stored, given, named), lastUpdatedBy: given.lastUpdatedBy };
  const models = await requireModelDefinitions(transaction, wanted.modelMappings, toMappingPath);
  refuseViolations(endpointViolations(wanted, models, "endpoint"));
  if (wanted.name !== stored.name) {
    await requireFreeName(transaction, wanted.name);
    await refuseNamedByKeys(transaction, stored);
  }
  const endpoint = await replaceEndpoint(transaction, stored, wanted);
  return {
    endpoint,
    warnings: [...endpointWarnings(endpoint, models, "endpoint"), ...ownershipWarnings(stored.source, "endpoint")],
  };
}

async function removeEndpoint(
  transaction: WriteTransaction,
  request: configV1.DeleteEndpointRequest,
): Promise<configV1.DeleteEndpointResponse> {
  const stored = await requireEndpoint(transaction, request.endpointId, "endpoint_id");
  requireEtag(request.etag, stored.etag, toEndpointReference(stored));
  await refuseNamedByKeys(transaction, stored);
  await deleteEndpoint(transaction, stored);
  return { warnings: ownershipWarnings(stored.source, "endpoint_id") };
}

const toMappingPath = (index: number) => `endpoint.model_mappings[${index}]`;

async function requireFreeName(transaction: WriteTransaction, name = ""): Promise<void> {
  const taken = await findEndpoint(transaction.queries, { name });
  requireFree(taken, { resourceType: "endpoint", resourceName: name });
}

/** Keys name endpoints by their names: a name that goes would be left to whatever endpoint gets it next. */
async function refuseNamedByKeys(transaction: WriteTransaction, stored: configV1.GatewayEndpoint): Promise<void> {
  const keys = await listApiKeys(transaction.queries, { endpointName: stored.name ?? "" });
  if (keys.length > 0) {
    const names = keys.map(({ name }) => `key ${name}`);
    throw inUseError(toEndpointReference(stored), names, "take the endpoint from these keys first");
  }
}
