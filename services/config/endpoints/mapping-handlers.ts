import { configV1 } from "#contracts";
import { invalidFields, RpcError, type Service } from "#rpc";
import { notFoundError } from "../config-errors.ts";
import { type ConfigStore, replaceEndpoint, type WriteTransaction } from "../store/index.ts";
import { refuseViolations, type Violation } from "../violations.ts";
import { ownershipWarnings, writeAsApi } from "../write-as-api.ts";
import { endpointViolations } from "./endpoint-rules.ts";
import { endpointWarnings } from "./endpoint-warnings.ts";
import { modelDefinitionsOf } from "./mapping-rules.ts";
import { requireEndpoint, requireModelDefinitions } from "./stored-endpoint.ts";

type Mapping = configV1.GatewayEndpointModelMapping;

type MappingMethods = Pick<Service<configV1.ConfigServiceDefinition>, "attachModel" | "detachModel">;

/** The methods that add a mapping to an endpoint and take one away. */
export function createMappingHandlers(store: ConfigStore): MappingMethods {
  return {
    attachModel: (request) => writeAsApi(store, (transaction) => attachModel(transaction, request)),
    detachModel: (request) => writeAsApi(store, (transaction) => detachModel(transaction, request)),
  };
}

async function attachModel(
  transaction: WriteTransaction,
  request: configV1.AttachModelRequest,
): Promise<configV1.AttachModelResponse> {
  const stored = await requireEndpoint(transaction, request.endpointId, "endpoint_id");
  const added = configV1.GatewayEndpointModelMapping.fromPartial(request.modelConfig ?? {});
  const isSame = isMappingOf(added.modelDefinitionId, added.linkageType);
  const wanted = { ...stored, modelMappings: [...stored.modelMappings, added], lastUpdatedBy: undefined };
  const models = await requireModelDefinitions(transaction, wanted.modelMappings, () => "model_config");
  if (added.modelDefinitionId !== undefined && stored.modelMappings.some(isSame)) {
    throw alreadyAttachedError(stored, models.get(added.modelDefinitionId)?.name);
  }
  const path = `endpoint.model_mappings[${stored.modelMappings.length}]`;
  refuseViolations(endpointViolations(wanted, models, "endpoint").map((one) => renamed(one, path, "model_config")));
  const endpoint = await replaceEndpoint(transaction, stored, wanted);
  const known = new Set(endpointWarnings(stored, models, "endpoint").map(toText));
  const warnings = endpointWarnings(wanted, models, "endpoint").filter((warning) => !known.has(toText(warning)));
  return {
    mapping: endpoint.modelMappings.find(isSame),
    warnings: [
      ...warnings.map((one) => renamed(one, path, "model_config")),
      ...ownershipWarnings(stored.source, "endpoint_id"),
    ],
  };
}

async function detachModel(
  transaction: WriteTransaction,
  request: configV1.DetachModelRequest,
): Promise<configV1.DetachModelResponse> {
  const stored = await requireEndpoint(transaction, request.endpointId, "endpoint_id");
  const taken = requireMapping(stored, request);
  const modelMappings = stored.modelMappings.filter((mapping) => mapping !== taken);
  const wanted = { ...stored, modelMappings, lastUpdatedBy: undefined };
  const violations = endpointViolations(wanted, modelDefinitionsOf(stored), "endpoint");
  refuseViolations(
    violations.map(({ field, description }) => ({
      field: "model_definition_id",
      description: `cannot be detached, since then ${field}: ${description}`,
    })),
  );
  await replaceEndpoint(transaction, stored, wanted);
  return { warnings: ownershipWarnings(stored.source, "endpoint_id") };
}

/** The mapping that a detach means; where the model stands in both parts, the request must say which. */
function requireMapping(stored: configV1.GatewayEndpoint, request: configV1.DetachModelRequest): Mapping {
  const { modelDefinitionId, linkageType } = request;
  if (modelDefinitionId === "") {
    throw invalidFields([{ field: "model_definition_id", description: "must be set" }]);
  }
  const { PRIMARY, FALLBACK, UNSPECIFIED } = configV1.GatewayModelLinkageType;
  if (linkageType !== UNSPECIFIED && linkageType !== PRIMARY && linkageType !== FALLBACK) {
    throw invalidFields([{ field: "linkage_type", description: "must be PRIMARY, FALLBACK or unset" }]);
  }
  const found = stored.modelMappings.filter(isMappingOf(modelDefinitionId, linkageType || undefined));
  const [first] = found;
  if (first === undefined) {
    throw notFoundError({ resourceType: "mapping", resourceName: modelDefinitionId }, "model_definition_id");
  }
  if (found.length > 1) {
    throw invalidFields([
      { field: "linkage_type", description: "must be set: the model is attached as PRIMARY and as FALLBACK" },
    ]);
  }
  return first;
}

function isMappingOf(modelDefinitionId: string | undefined, linkageType: Mapping["linkageType"]) {
  return (mapping: Mapping) =>
    mapping.modelDefinitionId === modelDefinitionId &&
    (linkageType === undefined || mapping.linkageType === linkageType);
}

function toText({ field, message }: configV1.Warning): string {
  return `${field}: ${message}`;
}

function renamed<Notice extends Violation | configV1.Warning>(notice: Notice, path: string, name: string): Notice {
  return { ...notice, field: notice.field.replace(path, name) };
}

function alreadyAttachedError(endpoint: configV1.GatewayEndpoint, modelName = ""): RpcError {
  return new RpcError({
    code: "ALREADY_EXISTS",
    reason: "RESOURCE_ALREADY_EXISTS",
    message: `model ${JSON.stringify(modelName)} is already attached to endpoint ${JSON.stringify(endpoint.name)} in this part`,
    metadata: { resource_type: "mapping", resource_name: modelName, endpoint: endpoint.name ?? "" },
  });
}
