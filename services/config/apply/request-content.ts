import { configV1 } from "#contracts";
import type { KeyEncryptionKey } from "#secrets";
import { valueFingerprint } from "../secrets/value-fingerprint.ts";

/**
 * What tells two requests with the same `request_id` apart, without anything secret: a value is there as its keyed
 * fingerprint.
 */
export function requestContent(request: configV1.ApplyConfigRequest, keyEncryptionKey: KeyEncryptionKey): Uint8Array {
  const document = configV1.ConfigDocument.fromPartial(request.document ?? {});
  const fingerprint = (value: Readonly<Record<string, string>>) => valueFingerprint(value, keyEncryptionKey);
  return configV1.ApplyConfigRequest.encode({
    ...request,
    requestId: "",
    document: {
      ...document,
      secrets: document.secrets.map((secret) => ({ ...secret, value: { value: fingerprint(secret.value) } })),
      keys: document.keys.map((key) => ({ ...key, value: fingerprint({ key: key.value }) })),
    },
  }).finish();
}
