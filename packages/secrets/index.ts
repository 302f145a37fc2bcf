export { hashApiKey } from "./hash-api-key.ts";
export { KeyEncryptionKey } from "./key-encryption-key.ts";
export { openOrCreateKeyFile } from "./key-file.ts";
export { maskValue } from "./mask-value.ts";
export { resolveKeyEncryptionKey } from "./resolve-key-encryption-key.ts";
export { openSecret, type SealedValue, type SecretContent, sealSecret } from "./seal-secret.ts";
export { Secret } from "./secret.ts";
export { SecretUnreadableError } from "./secret-unreadable-error.ts";
