import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashApiKey } from "./hash-api-key.ts";
import { KeyEncryptionKey } from "./key-encryption-key.ts";
import { maskValue } from "./mask-value.ts";
import { Secret } from "./secret.ts";

const printings: Record<string, (value: object) => string> = {
  String: (value) => String(value),
  template: (value) => `${value}`,
  JSON: (value) => JSON.stringify({ value }),
  inspect: (value) => inspect({ value }, { depth: 9, showHidden: true, getters: true }),
  entries: (value) => JSON.stringify(Object.entries(value)),
  spread: (value) => inspect({ ...value }),
};

describe.each(Object.entries(printings))("printed by %s", (_name, print) => {
  test("an opened secret shows no value", () => {
    const printed = print(new Secret({ api_key: "hunter2-hunter2-hunter2" }));
    expect(printed).not.toMatch(/hunter2/);
  });

  test("a key-encryption key shows its id at most", () => {
    const printed = print(new KeyEncryptionKey(Buffer.alloc(32, "Q")));
    expect(printed).not.toMatch(/QQ|51 51|5151|81,\s*81|UVFR/);
  });
});

describe("an opened secret", () => {
  test("reveals its values and keeps a copy of its own", () => {
    const values: Record<string, string> = { api_key: "one" };
    const secret = new Secret(values);
    values.api_key = "two";
    expect(secret.reveal()).toEqual({ api_key: "one" });
  });

  test("shows a mask for every key of its value", () => {
    expect(new Secret({ api_key: "sk-0123456789abcdef", region: "eu" }).masked()).toEqual({
      api_key: "sk-...cdef",
      region: "***",
    });
  });

  test("equals another one by content, whatever the order of the keys", () => {
    expect(new Secret({ a: "1", b: "2" }).equals(new Secret({ b: "2", a: "1" }))).toBe(true);
    expect(new Secret({ a: "1" }).equals(new Secret({ a: "2" }))).toBe(false);
    expect(new Secret({ a: "1" }).equals(new Secret({ a: "1", b: "2" }))).toBe(false);
    expect(new Secret({ toString: "1" }).equals(new Secret({ a: "1" }))).toBe(false);
  });
});

describe("a mask", () => {
  test("shows nothing of a value below 16 characters", () => {
    fc.assert(fc.property(fc.string({ maxLength: 15 }), (value) => maskValue(value) === "***"));
  });

  test("shows three characters and four of a longer one, and not how long it is", () => {
    expect(maskValue("0123456789abcdef")).toBe("012...cdef");
    fc.assert(fc.property(fc.string({ minLength: 16, maxLength: 400 }), (value) => maskValue(value).length === 10));
  });
});

test("an API key is hashed by SHA-256", () => {
  expect(hashApiKey("abc").toString("hex")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
