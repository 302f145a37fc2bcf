import type { configV1 } from "#contracts";
import { KeyEncryptionKey, Secret, sealSecret } from "#secrets";

/** The key that routing under test opens secrets with. */
export const testKeyEncryptionKey = new KeyEncryptionKey(Buffer.alloc(32, 3));

/** How a secret differs from the usual one. */
interface SecretSketch {
  readonly authConfig?: Readonly<Record<string, string>>;
  readonly key?: KeyEncryptionKey;
}

/** A secret `s-1` with this API key, as config sends it. */
export function sealTestSecret(
  apiKey: string,
  { authConfig = {}, key = testKeyEncryptionKey }: SecretSketch = {},
): configV1.SealedSecret {
  const value = new Secret({ api_key: apiKey });
  return sealSecret({ secretId: "s-1", secretName: "up", provider: "openai-compatible", value, authConfig }, key);
}
