// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how files write a reference.
import { describe, expect, test } from "vitest";
import { ConfigFileError } from "./config-file-error.ts";
import { parseConfigText } from "./parse-config-text.ts";

const environment = { KEY: "sk-1", HOST: "h", EMPTY: "", TRICKY: "a: ${KEY} }\n\uFDD3# b" };

function apiKeyOf(written: string, variables: Record<string, string | undefined> = environment): string | undefined {
  const text = `version: 1\nsecrets:\n  - name: s\n    provider: p\n    value: { api_key: ${written} }`;
  return parseConfigText(text, variables).secrets[0]?.value.api_key;
}

function messageOf(written: string, variables: Record<string, string | undefined> = environment): string {
  try {
    apiKeyOf(written, variables);
  } catch (error) {
    return (error as ConfigFileError).message;
  }
  return "";
}

describe("a reference to the environment", () => {
  test.each([
    ["${KEY}", "sk-1"],
    ['"${KEY}"', "sk-1"],
    ["'${KEY}'", "sk-1"],
    ["http://${HOST}:1/${KEY}", "http://h:1/sk-1"],
    ["${EMPTY}", ""],
    ["${KEY}${KEY}", "sk-1sk-1"],
    ["$${KEY}", "${KEY}"],
    ['"$${KEY} ${KEY} $${"', "${KEY} sk-1 ${"],
    ["$KEY", "$KEY"],
    ["a$b", "a$b"],
    ["${TRICKY}", environment.TRICKY],
  ])("%s reads as %j", (written, expected) => {
    expect(apiKeyOf(written)).toBe(expected);
  });

  test("stands in a block of text too", () => {
    const text =
      "version: 1\nendpoints:\n  - name: e\n    primary: [{ model: m }]\n    description: |\n      a ${KEY}\n      b\n";
    expect(parseConfigText(text, environment).endpoints[0]?.description).toBe("a sk-1\nb\n");
  });

  test("in a comment is not looked at", () => {
    expect(parseConfigText("version: 1 # ${ABSENT}", {}).version).toBe(1);
  });

  test("to a variable that is not set names variable, field and line", () => {
    const message = "secrets[0].value.api_key: environment variable ABSENT is not set (line 5)";
    expect(messageOf("${ABSENT}")).toBe(message);
    expect(messageOf("${ABSENT}", { ABSENT: undefined })).toBe(message);
  });

  test("is never a property that every object has", () => {
    expect(messageOf("${constructor}")).toContain("environment variable constructor is not set");
  });

  test.each(['"${}"', '"${KEY-x}"', '"${ KEY }"', '"${KEY"', '"${1}"'])("%s is malformed", (written) => {
    expect(messageOf(written)).toContain("secrets[0].value.api_key: a reference is written ${NAME}");
  });

  test("is not quoted with its value by an error about its field", () => {
    const text = 'version: 1\nendpoints:\n  - { name: e, primary: [{ model: m }], routing_strategy: "${KEY}" }';
    expect(() => parseConfigText(text, environment)).toThrow(ConfigFileError);
    expect(() => parseConfigText(text, environment)).not.toThrow("sk-1");
  });
});
