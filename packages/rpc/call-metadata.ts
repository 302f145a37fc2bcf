import { invalidFields } from "./rpc-error.ts";

const keyPattern = /^[a-z0-9_.-]+$/;
const valuePattern = /^[ -~]*$/;

/**
 * Refuses metadata that cannot travel on every transport: keys are lower-case ASCII and not binary (`-bin`) nor gRPC's own,
 * values are printable ASCII. Throws INVALID_ARGUMENT that names the key and never shows the value.
 */
export function assertMetadata(metadata: Readonly<Record<string, string>> | undefined): void {
  if (metadata === undefined) {
    return;
  }
  for (const key in metadata) {
    if (!keyPattern.test(key) || key.endsWith("-bin") || key.startsWith("grpc-")) {
      throw invalidFields([{ field: `metadata.${key}`, description: "is not a key that metadata may have" }]);
    }
    if (!valuePattern.test(metadata[key] ?? "")) {
      throw invalidFields([{ field: `metadata.${key}`, description: "must be printable ASCII" }]);
    }
  }
}
