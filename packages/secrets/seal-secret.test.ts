import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyEncryptionKey } from "./key-encryption-key.ts";
import { openSecret, sealSecret } from "./seal-secret.ts";
import { Secret } from "./secret.ts";
import { SecretUnreadableError } from "./secret-unreadable-error.ts";

const keyEncryptionKey = new KeyEncryptionKey(Buffer.alloc(32, 7));
const apiKey = "sk-proj-0123456789abcdef";
const content = {
  secretId: "s-0a",
  secretName: "openai",
  provider: "openai",
  value: new Secret({ api_key: apiKey }),
  authConfig: { api_base: "https://example.test/v1" },
};

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

describe("a sealed secret", () => {
  test("opens to the value that was sealed, whatever it is", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), (values) => {
        const sealed = sealSecret({ ...content, value: new Secret(values) }, keyEncryptionKey);
        expect({ ...openSecret(sealed, keyEncryptionKey).reveal() }).toEqual({ ...values });
      }),
      { numRuns: 50 },
    );
  });

  test("keeps provider and auth_config in the clear, and the value nowhere", () => {
    const sealed = sealSecret(content, keyEncryptionKey);
    expect(sealed).toMatchObject({ provider: "openai", authConfig: { api_base: "https://example.test/v1" } });
    expect(sealed.keyId).toBe(keyEncryptionKey.keyId);
    expect(Buffer.concat([sealed.ciphertext, sealed.wrappedDataKey]).includes(apiKey)).toBe(false);
  });

  test("never encrypts twice to the same bytes", () => {
    const first = sealSecret(content, keyEncryptionKey);
    const second = sealSecret(content, keyEncryptionKey);
    expect(first.ciphertext.equals(second.ciphertext)).toBe(false);
    expect(first.wrappedDataKey.equals(second.wrappedDataKey)).toBe(false);
  });

  test.each(["ciphertext", "wrappedDataKey"] as const)("does not open when any byte of its %s is changed", (field) => {
    const sealed = sealSecret(content, keyEncryptionKey);
    for (let position = 0; position < sealed[field].byteLength; position++) {
      const changed = Buffer.from(sealed[field]);
      changed[position] = (changed[position] ?? 0) ^ 1;
      const error = thrownBy(() => openSecret({ ...sealed, [field]: changed }, keyEncryptionKey));
      expect(error, `byte ${position}`).toBeInstanceOf(SecretUnreadableError);
    }
  });

  test.each(["ciphertext", "wrappedDataKey"] as const)("does not open when its %s is cut", (field) => {
    const sealed = sealSecret(content, keyEncryptionKey);
    for (let length = 0; length < sealed[field].byteLength; length++) {
      const cut = { ...sealed, [field]: sealed[field].subarray(0, length) };
      expect(thrownBy(() => openSecret(cut, keyEncryptionKey))).toBeInstanceOf(SecretUnreadableError);
    }
  });

  test.each([{ secretId: "s-0b" }, { secretName: "other" }])("does not open under another identity: %o", (identity) => {
    const sealed = { ...sealSecret(content, keyEncryptionKey), ...identity };
    expect(thrownBy(() => openSecret(sealed, keyEncryptionKey))).toBeInstanceOf(SecretUnreadableError);
  });

  test("does not open with the two ciphertexts of another secret in the place of its own", () => {
    const sealed = sealSecret(content, keyEncryptionKey);
    const other = sealSecret({ ...content, secretId: "s-0b" }, keyEncryptionKey);
    for (const swapped of [{ ciphertext: other.ciphertext }, { wrappedDataKey: other.wrappedDataKey }]) {
      expect(thrownBy(() => openSecret({ ...sealed, ...swapped }, keyEncryptionKey))).toBeInstanceOf(
        SecretUnreadableError,
      );
    }
  });

  test("keeps its two ciphertexts from standing in for each other", () => {
    const dataKey = sealSecret(content, keyEncryptionKey).wrappedDataKey;
    const associatedData = Buffer.from(JSON.stringify(["spillway secret value v1", "s-0a", "openai"]));
    expect(keyEncryptionKey.unwrap(dataKey, associatedData)).toBeUndefined();
  });

  test("opened with another key is refused by an error that names id and keys, and no value", () => {
    const sealed = sealSecret(content, keyEncryptionKey);
    const other = new KeyEncryptionKey(Buffer.alloc(32, 8));
    const error = thrownBy(() => openSecret(sealed, other));
    expect(error).toBeInstanceOf(SecretUnreadableError);
    expect(error).toMatchObject({ secretId: "s-0a", keyId: keyEncryptionKey.keyId, heldKeyId: other.keyId });
    expect((error as Error).message).toContain(keyEncryptionKey.keyId);
    expect(inspect(error)).not.toContain(apiKey);
  });
});
