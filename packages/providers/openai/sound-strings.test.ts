import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasSoundStrings } from "./sound-strings.ts";

const isSound = (text: string) => hasSoundStrings(Buffer.from(text));

describe("the strings of a document", () => {
  it.each(["{}", '{"a":"b"}', String.raw`{"a":"\"\\\/\b\f\n\r\tA\ud83d\udc0e"}`, '{\n"a":\r\n\t"é🐎 "}', '["\u007f"]'])(
    "are sound: %j",
    (text) => {
      expect(isSound(text)).toBe(true);
    },
  );

  it.each([
    '{"a":"b\nc"}',
    '{"a\u0000":1}',
    String.raw`{"a":"\x41"}`,
    String.raw`{"a":"\u12"}`,
    String.raw`{"a":"\u12G4"}`,
    String.raw`{"a":"\'"}`,
    '{"a":"b',
    String.raw`{"a":"b\"`,
  ])("are not: %j", (text) => {
    expect(isSound(text)).toBe(false);
  });

  it("are sound where JSON.parse says so, and nowhere else", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => isSound(JSON.stringify(value))));
    const inside = fc.array(fc.constantFrom("\\", "u", "00", "4", "g", "n", "x", "\n", "é", "/"), { maxLength: 8 });
    fc.assert(
      fc.property(inside, (parts) => {
        const text = `"${parts.join("")}"`;
        expect(isSound(text)).toBe(isJson(text));
      }),
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
