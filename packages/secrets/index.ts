export { isSameToken, readBearerToken } from "./bearer-token.ts";
export { hashApiKey } from "./hash-api-key.ts";
export { KeyEncryptionKey } from "./key-encryption-key.ts";
export { openOrCreateKeyFile } from "./key-file.ts";
export { KeyFileError } from "./key-file-error.ts";
export { resolveKeyEncryptionKey } from "./resolve-key-encryption-key.ts";
export { openSecret, sealSecret } from "./seal-secret.ts";
export { Secret } from "./secret.ts";
export { SecretUnreadableError } from "./secret-unreadable-error.ts";
