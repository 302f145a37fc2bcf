import { describe, expect, it } from "vitest";
import { type MappingSketch, toEndpoint } from "../testing/config-messages.ts";
import { createTestCompileHost } from "../testing/test-compile-host.ts";
import { compileEndpoint } from "./compile-endpoint.ts";

const labelOf = (target: MappingSketch) =>
  compileEndpoint(toEndpoint({ targets: [target] }), createTestCompileHost()).primaries[0]?.label;

describe("the name that a target has in trails and headers", () => {
  it.each([
    ["gpt-4o", "fake/gpt-4o"],
    ["anthropic/claude@2026:free", "fake/anthropic/claude@2026:free"],
    ["a, b; c=1", "fake/a%2C%20b%3B%20c%3D1"],
    ["line\r\nbreak", "fake/line%0D%0Abreak"],
    ["grün", "fake/gr%C3%BCn"],
    ["half \ud800", "fake/half%20%EF%BF%BD"],
  ])("of the model %j is fit for a header and cannot be taken for two", (model, label) => {
    expect(labelOf({ model })).toBe(label);
  });
});
