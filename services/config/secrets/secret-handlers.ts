import { configV1 } from "#contracts";
import { invalidFields, type Service } from "#rpc";
import { type KeyEncryptionKey, Secret, sealSecret } from "#secrets";
import { inUseError } from "../config-errors.ts";
import { cutPage, fromPageToken, toPageSize } from "../paging.ts";
import { requireEtag, requireFound, requireFree, requireOne } from "../preconditions.ts";
import {
  type ConfigStore,
  createId,
  deleteSecret,
  findSecret,
  insertSecret,
  listModelDefinitions,
  listSecrets,
  replaceSecret,
  runOnce,
  type StoredSecret,
  type WriteTransaction,
} from "../store/index.ts";
import type { UpstreamPlaces } from "../upstreams/base-url-rules.ts";
import { credentialWarnings, secretAddressViolations } from "../upstreams/provider-rules.ts";
import { refuseViolations } from "../violations.ts";
import { ownershipWarnings, writeAsApi } from "../write-as-api.ts";
import { holdsValue } from "./holds-value.ts";
import { addressKeys, secretValueViolations, secretViolations } from "./secret-rules.ts";
import { valueFingerprint } from "./value-fingerprint.ts";

type SecretMethods = Pick<
  Service<configV1.ConfigServiceDefinition>,
  "createSecret" | "getSecret" | "listSecrets" | "updateSecret" | "deleteSecret"
>;

/** What credentials are written with. */
interface SecretWriting extends UpstreamPlaces {
  readonly keyEncryptionKey: KeyEncryptionKey;
}

/** The methods that create, read, change and delete credentials. Values are sealed before the store sees them. */
export function createSecretHandlers(store: ConfigStore, writing: SecretWriting): SecretMethods {
  return {
    createSecret: (request) => writeAsApi(store, (transaction) => createSecret(transaction, request, writing)),
    getSecret: async ({ secretId, secretName }) => {
      requireOne({ field: "secret_id", value: secretId }, { field: "secret_name", value: secretName });
      const reference = secretId === "" ? { name: secretName } : { secretId };
      const found = await store.inReadTransaction((queries) => findSecret(queries, reference));
      return { secret: requireFound(found, { resourceType: "secret", resourceName: secretId || secretName }).info };
    },
    listSecrets: async (request) => {
      const pageSize = toPageSize(request);
      const afterName = fromPageToken(request);
      const found = await store.inReadTransaction((queries) =>
        listSecrets(queries, {
          limit: pageSize + 1,
          ...(afterName === undefined ? {} : { afterName }),
          ...(request.provider === "" ? {} : { provider: request.provider }),
        }),
      );
      const { entries, nextPageToken } = cutPage(found, pageSize, ({ sealed }) => sealed.secretName);
      return { secrets: entries.map(({ info }) => info), nextPageToken };
    },
    updateSecret: (request) => writeAsApi(store, (transaction) => updateSecret(transaction, request, writing)),
    deleteSecret: (request) => writeAsApi(store, (transaction) => removeSecret(transaction, request)),
  };
}

async function createSecret(
  transaction: WriteTransaction,
  request: configV1.CreateSecretRequest,
  writing: SecretWriting,
): Promise<configV1.CreateSecretResponse> {
  const { keyEncryptionKey } = writing;
  const wanted = request.secret ?? configV1.GatewaySecretInfo.fromPartial({});
  refuseViolations([
    ...secretViolations(wanted, "secret", writing),
    ...secretValueViolations(wanted.provider, request.secretValue, "secret_value"),
  ]);
  const value = new Secret(request.secretValue);
  const secretName = wanted.secretName ?? "";
  const createRequest = {
    method: "CreateSecret",
    requestId: request.requestId,
    toContent: () => toRequestContent(request, keyEncryptionKey),
    response: configV1.CreateSecretResponse,
  };
  return await runOnce(transaction, createRequest, async () => {
    const taken = await findSecret(transaction.queries, { name: secretName });
    requireFree(taken, { resourceType: "secret", resourceName: secretName });
    const provider = wanted.provider ?? "";
    const { authConfig } = wanted;
    const sealed = sealSecret({ secretId: createId("s"), secretName, provider, value, authConfig }, keyEncryptionKey);
    const stored = await insertSecret(transaction, {
      sealed,
      maskedValues: value.masked(),
      writtenBy: wanted.createdBy,
    });
    return { secret: stored.info, warnings: valueWarnings(stored) };
  });
}

async function updateSecret(
  transaction: WriteTransaction,
  request: configV1.UpdateSecretRequest,
  writing: SecretWriting,
): Promise<configV1.UpdateSecretResponse> {
  const { keyEncryptionKey } = writing;
  const given = request.secret ?? configV1.GatewaySecretInfo.fromPartial({});
  const stored = await requireSecret(transaction, given.secretId, "secret.secret_id");
  requireEtag(given.etag, stored.info.etag, toReference(stored));
  refuseFixedFields(request, given, stored);
  const mask = request.updateMask ?? [];
  const changesConfig = mask.includes("auth_config") || (mask.length === 0 && Object.keys(given.authConfig).length > 0);
  const authConfig = changesConfig ? given.authConfig : stored.info.authConfig;
  const valueIsGiven = Object.keys(request.secretValue).length > 0;
  refuseViolations([
    ...secretViolations({ ...stored.info, authConfig, lastUpdatedBy: given.lastUpdatedBy }, "secret", writing),
    ...secretValueViolations(stored.info.provider, request.secretValue, "secret_value"),
    ...secretAddressViolations(
      authConfig,
      await listModelDefinitions(transaction.queries, { secretId: stored.sealed.secretId }),
      "secret.auth_config.api_base",
    ),
  ]);
  if (!valueIsGiven) {
    refuseRepointing(stored, authConfig);
  }
  const value = new Secret(request.secretValue);
  const valueDiffers = valueIsGiven && !holdsValue(stored.sealed, value, keyEncryptionKey);
  const sealed = valueDiffers
    ? sealSecret({ ...stored.sealed, value, authConfig }, keyEncryptionKey)
    : { ...stored.sealed, authConfig };
  const written = await replaceSecret(transaction, stored, {
    sealed,
    maskedValues: valueDiffers ? value.masked() : stored.info.maskedValues,
    writtenBy: given.lastUpdatedBy,
    fields: [
      ...(valueDiffers ? ["value"] : []),
      ...(isSameMap(authConfig, stored.info.authConfig) ? [] : ["auth_config"]),
    ],
  });
  return {
    secret: written.info,
    warnings: [...valueWarnings(written), ...ownershipWarnings(stored.info.source, "secret")],
  };
}

async function removeSecret(
  transaction: WriteTransaction,
  request: configV1.DeleteSecretRequest,
): Promise<configV1.DeleteSecretResponse> {
  const stored = await requireSecret(transaction, request.secretId, "secret_id");
  requireEtag(request.etag, stored.info.etag, toReference(stored));
  const users = await listModelDefinitions(transaction.queries, { secretId: request.secretId });
  if (users.length > 0) {
    const names = users.map(({ name }) => `model ${name}`);
    throw inUseError(toReference(stored), names, "give them another secret, or delete them first");
  }
  await deleteSecret(transaction, stored);
  return { warnings: ownershipWarnings(stored.info.source, "secret_id") };
}

async function requireSecret(
  transaction: WriteTransaction,
  secretId: string | undefined,
  field: string,
): Promise<StoredSecret> {
  if (secretId === undefined || secretId === "") {
    throw invalidFields([{ field, description: "must be set" }]);
  }
  const found = await findSecret(transaction.queries, { secretId });
  return requireFound(found, { resourceType: "secret", resourceName: secretId });
}

function refuseFixedFields(
  request: configV1.UpdateSecretRequest,
  given: configV1.GatewaySecretInfo,
  stored: StoredSecret,
): void {
  const { secretName, provider } = stored.sealed;
  refuseViolations([
    ...(request.updateMask ?? [])
      .filter((path) => path !== "auth_config")
      .map((path) => ({
        field: "update_mask",
        description: `${JSON.stringify(path)} is not auth_config; a new value goes into secret_value`,
      })),
    ...((given.secretName ?? secretName) === secretName
      ? []
      : [{ field: "secret.secret_name", description: "never changes; create another secret" }]),
    ...((given.provider ?? provider) === provider
      ? []
      : [{ field: "secret.provider", description: "never changes; create another secret" }]),
  ]);
}

/** Whoever may write but does not know a credential must not be able to have it sent to a place of their own. */
function refuseRepointing(stored: StoredSecret, authConfig: Readonly<Record<string, string>>): void {
  if (Object.keys(stored.info.maskedValues).length === 0) {
    return;
  }
  refuseViolations(
    addressKeys
      .filter((key) => stored.info.authConfig[key] !== authConfig[key])
      .map((key) => ({
        field: `secret.auth_config.${key}`,
        description: "says where the credential is sent; give the credential again, in secret_value, to change it",
      })),
  );
}

function valueWarnings({ info }: StoredSecret): configV1.Warning[] {
  return credentialWarnings(info.provider, Object.keys(info.maskedValues), "secret_value");
}

/** What tells two requests with one `request_id` apart: the value is there as its keyed fingerprint. */
function toRequestContent(request: configV1.CreateSecretRequest, keyEncryptionKey: KeyEncryptionKey): Uint8Array {
  const fingerprint = valueFingerprint(request.secretValue, keyEncryptionKey);
  return configV1.CreateSecretRequest.encode({ ...request, requestId: "", secretValue: { fingerprint } }).finish();
}

function isSameMap(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

function toReference(stored: StoredSecret) {
  return { resourceType: "secret" as const, resourceName: stored.sealed.secretName };
}
