import { hash } from "node:crypto";

/** SHA-256 of an API key, 32 bytes, as it is stored and looked up. A plain hash suffices because keys are long and random. */
export function hashApiKey(key: string): Buffer {
  return hash("sha256", key, "buffer");
}
