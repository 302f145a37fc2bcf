import { expect, it } from "vitest";
import { formatLine } from "./format-line.ts";

it.each(["not json\n", "", '{"level":'])("a line that is no entry stays as it is: %j", (line) => {
  expect(formatLine(line, false)).toBe(line);
  expect(formatLine(line, true)).toBe(line);
});
