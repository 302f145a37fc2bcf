import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { WholeBody } from "./whole-body.ts";

it("a whole body is what came, in chunks of any number and size", () => {
  for (const count of [0, 1, 2, 1_023, 1_024, 1_025, 3_000]) {
    const body = new WholeBody();
    const text = Array.from({ length: count }, (_, index) => `${index},`);
    for (const piece of text) {
      body.push(Buffer.from(piece));
    }
    expect(body.length).toBe(text.join("").length);
    expect(body.take().toString()).toBe(text.join(""));
    expect(body.length).toBe(0);
  }
});

it("a whole body that is one chunk is that chunk", () => {
  const chunk = Buffer.from("all");
  const body = new WholeBody();
  body.push(chunk);
  expect(body.take()).toBe(chunk);
});

it("a whole body in tiny chunks takes no more than twice its length", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const memoryInUse = () => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const body = new WholeBody();
  const before = memoryInUse();
  const length = 2_000_000;
  for (let count = 0; count < length; count += 1) {
    body.push(Buffer.from("x"));
  }
  expect(memoryInUse() - before).toBeLessThan(2 * length);
  expect(body.length).toBe(length);
});
