import { configV1 } from "#contracts";
import { invalidFields, type Service } from "#rpc";
import { inUseError, notFoundError } from "../config-errors.ts";
import { endpointViolations } from "../endpoints/endpoint-rules.ts";
import { endpointFitnessWarnings } from "../endpoints/endpoint-warnings.ts";
import { modelDefinitionsOf } from "../endpoints/mapping-rules.ts";
import { maskedFields, withFields } from "../field-mask.ts";
import { cutPage, fromPageToken, toPageSize } from "../paging.ts";
import { requireEtag, requireFound, requireFree, requireOne } from "../preconditions.ts";
import {
  type ConfigStore,
  deleteModelDefinition,
  findModelDefinition,
  findSecret,
  insertModelDefinition,
  listEndpoints,
  listModelDefinitions,
  replaceModelDefinition,
  runOnce,
  type WriteTransaction,
} from "../store/index.ts";
import type { UpstreamPlaces } from "../upstreams/base-url-rules.ts";
import { addressViolations, type SecretOutline, toSecretOutline } from "../upstreams/provider-rules.ts";
import { refuseViolations } from "../violations.ts";
import { ownershipWarnings, writeAsApi } from "../write-as-api.ts";
import { modelDefinitionFields } from "./model-definition-fields.ts";
import { modelDefinitionViolations, modelDefinitionWarnings } from "./model-definition-rules.ts";

type ModelDefinition = configV1.GatewayModelDefinition;

type ModelDefinitionMethods = Pick<
  Service<configV1.ConfigServiceDefinition>,
  | "createModelDefinition"
  | "getModelDefinition"
  | "listModelDefinitions"
  | "updateModelDefinition"
  | "deleteModelDefinition"
>;

/** The methods that create, read, change and delete model definitions. */
export function createModelDefinitionHandlers(store: ConfigStore, places: UpstreamPlaces): ModelDefinitionMethods {
  return {
    createModelDefinition: (request) =>
      writeAsApi(store, (transaction) => createModelDefinition(transaction, request, places)),
    getModelDefinition: async ({ modelDefinitionId, name }) => {
      requireOne({ field: "model_definition_id", value: modelDefinitionId }, { field: "name", value: name });
      const reference = modelDefinitionId === "" ? { name } : { modelDefinitionId };
      const found = await store.inReadTransaction((queries) => findModelDefinition(queries, reference));
      const resourceName = modelDefinitionId || name;
      return { modelDefinition: requireFound(found, { resourceType: "model", resourceName }) };
    },
    listModelDefinitions: async (request) => {
      const pageSize = toPageSize(request);
      const afterName = fromPageToken(request);
      const found = await store.inReadTransaction((queries) =>
        listModelDefinitions(queries, {
          limit: pageSize + 1,
          ...(afterName === undefined ? {} : { afterName }),
          ...(request.provider === "" ? {} : { provider: request.provider }),
          ...(request.secretId === "" ? {} : { secretId: request.secretId }),
        }),
      );
      const { entries, nextPageToken } = cutPage(found, pageSize, ({ name }) => name ?? "");
      return { modelDefinitions: entries, nextPageToken };
    },
    updateModelDefinition: (request) =>
      writeAsApi(store, (transaction) => updateModelDefinition(transaction, request, places)),
    deleteModelDefinition: (request) => writeAsApi(store, (transaction) => removeModelDefinition(transaction, request)),
  };
}

async function createModelDefinition(
  transaction: WriteTransaction,
  request: configV1.CreateModelDefinitionRequest,
  places: UpstreamPlaces,
): Promise<configV1.CreateModelDefinitionResponse> {
  const wanted = withoutEmptySecret(request.modelDefinition ?? configV1.GatewayModelDefinition.fromPartial({}));
  refuseViolations(modelDefinitionViolations(wanted, "model_definition", places));
  const createRequest = {
    method: "CreateModelDefinition",
    requestId: request.requestId,
    toContent: () => configV1.CreateModelDefinitionRequest.encode({ ...request, requestId: "" }).finish(),
    response: configV1.CreateModelDefinitionResponse,
  };
  return await runOnce(transaction, createRequest, async () => {
    const secret = await requireItsSecret(transaction, wanted);
    await requireFreeName(transaction, wanted.name);
    const modelDefinition = await insertModelDefinition(transaction, wanted);
    return { modelDefinition, warnings: modelDefinitionWarnings(modelDefinition, secret, "model_definition") };
  });
}

async function updateModelDefinition(
  transaction: WriteTransaction,
  request: configV1.UpdateModelDefinitionRequest,
  places: UpstreamPlaces,
): Promise<configV1.UpdateModelDefinitionResponse> {
  const given = request.modelDefinition ?? configV1.GatewayModelDefinition.fromPartial({});
  const stored = await requireModel(transaction, given.modelDefinitionId, "model_definition.model_definition_id");
  requireEtag(given.etag, stored.etag, toReference(stored));
  const named = maskedFields(modelDefinitionFields, given, request.updateMask);
  const wanted = withoutEmptySecret({
    ...withFields(stored, given, named),
    lastUpdatedBy: given.lastUpdatedBy,
  });
  refuseViolations(modelDefinitionViolations(wanted, "model_definition", places));
  const secret = await requireItsSecret(transaction, wanted);
  if (wanted.name !== stored.name) {
    await requireFreeName(transaction, wanted.name);
  }
  const modelDefinition = await replaceModelDefinition(transaction, stored, wanted);
  return {
    modelDefinition,
    warnings: [
      ...modelDefinitionWarnings(modelDefinition, secret, "model_definition"),
      ...(await warningsOfUsers(transaction, stored, modelDefinition)),
      ...ownershipWarnings(stored.source, "model_definition"),
    ],
  };
}

async function removeModelDefinition(
  transaction: WriteTransaction,
  request: configV1.DeleteModelDefinitionRequest,
): Promise<configV1.DeleteModelDefinitionResponse> {
  const stored = await requireModel(transaction, request.modelDefinitionId, "model_definition_id");
  requireEtag(request.etag, stored.etag, toReference(stored));
  const users = await listEndpoints(transaction.queries, { modelDefinitionIds: [request.modelDefinitionId] });
  if (users.length > 0) {
    const names = users.map(({ name }) => `endpoint ${name}`);
    throw inUseError(toReference(stored), names, "detach it from them first");
  }
  await deleteModelDefinition(transaction, stored);
  return { warnings: ownershipWarnings(stored.source, "model_definition_id") };
}

/** A new name must not leave a rule of an endpoint without its mapping; a smaller model may not fit an endpoint any more. */
async function warningsOfUsers(
  transaction: WriteTransaction,
  before: ModelDefinition,
  after: ModelDefinition,
): Promise<configV1.Warning[]> {
  const users = await listEndpoints(transaction.queries, { modelDefinitionIds: [after.modelDefinitionId ?? ""] });
  const broken = users.filter((endpoint) => endpointViolations(endpoint, modelDefinitionsOf(endpoint), "").length > 0);
  if (broken.length > 0 && before.name !== after.name) {
    const names = broken.map(({ name }) => `endpoint ${name}`);
    throw inUseError(toReference(before), names, "whose rules or mappings call it by this name; change them first");
  }
  return users.flatMap((endpoint) =>
    endpointFitnessWarnings(endpoint, modelDefinitionsOf(endpoint), `endpoints[${endpoint.name}]`),
  );
}

async function requireModel(
  transaction: WriteTransaction,
  modelDefinitionId: string | undefined,
  field: string,
): Promise<ModelDefinition> {
  if (modelDefinitionId === undefined || modelDefinitionId === "") {
    throw invalidFields([{ field, description: "must be set" }]);
  }
  const found = await findModelDefinition(transaction.queries, { modelDefinitionId });
  return requireFound(found, { resourceType: "model", resourceName: modelDefinitionId });
}

/** The secret that a model definition names, which must be there, as must be the address of its provider. */
async function requireItsSecret(
  transaction: WriteTransaction,
  wanted: ModelDefinition,
): Promise<SecretOutline | undefined> {
  const { secretId } = wanted;
  const stored = secretId === undefined ? undefined : await findSecret(transaction.queries, { secretId });
  if (secretId !== undefined && stored === undefined) {
    throw notFoundError({ resourceType: "secret", resourceName: secretId }, "model_definition.secret_id");
  }
  refuseViolations(addressViolations(wanted, stored?.info.authConfig, "model_definition.base_url"));
  return stored && toSecretOutline(stored.info);
}

async function requireFreeName(transaction: WriteTransaction, name = ""): Promise<void> {
  const taken = await findModelDefinition(transaction.queries, { name });
  requireFree(taken, { resourceType: "model", resourceName: name });
}

function withoutEmptySecret(model: ModelDefinition): ModelDefinition {
  return model.secretId === "" ? { ...model, secretId: undefined } : model;
}

function toReference(stored: ModelDefinition) {
  return { resourceType: "model" as const, resourceName: stored.name ?? "" };
}
