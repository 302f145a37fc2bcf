import { expect, test } from "vitest";
import { type OpenCall, OpenCalls } from "./open-calls.ts";

interface NamedCall extends OpenCall {
  readonly name: string;
}

function toCall(name: string): NamedCall {
  return { name, openIndex: -1 };
}

function namesOf(calls: OpenCalls<NamedCall>): string {
  return [...calls]
    .map(({ name }) => name)
    .sort()
    .join("");
}

test("a call is there from its add to its delete, in whatever order they end", () => {
  const orders = ["abc", "acb", "bac", "bca", "cab", "cba"];
  for (const order of orders) {
    const calls = new OpenCalls<NamedCall>();
    const made = new Map([..."abc"].map((name) => [name, toCall(name)]));
    for (const call of made.values()) {
      calls.add(call);
    }
    let left = "abc";
    for (const name of order) {
      const call = made.get(name) ?? toCall(name);
      calls.delete(call);
      left = left.replace(name, "");
      expect(namesOf(calls)).toBe(left);
      expect(calls.size).toBe(left.length);
    }
  }
});

test("adding twice and deleting what is not there change nothing", () => {
  const calls = new OpenCalls<NamedCall>();
  const [one, other, stranger] = [toCall("a"), toCall("b"), toCall("c")];
  calls.delete(one);
  calls.add(one);
  calls.add(one);
  calls.add(other);
  calls.delete(stranger);
  expect(namesOf(calls)).toBe("ab");
  calls.delete(one);
  calls.delete(one);
  expect(namesOf(calls)).toBe("b");
  calls.add(one);
  expect(namesOf(calls)).toBe("ab");
});

test("calls may end while the others are visited", () => {
  const calls = new OpenCalls<NamedCall>();
  for (const name of "abcd") {
    calls.add(toCall(name));
  }
  let visited = "";
  for (const call of calls) {
    visited += call.name;
    calls.delete(call);
  }
  expect(visited).toBe("abcd");
  expect(calls.size).toBe(0);
});

test("whether something holds for one of them is asked of those alone that are there", () => {
  const calls = new OpenCalls<NamedCall>();
  const first = toCall("a");
  calls.add(first);
  calls.add(toCall("b"));
  expect(calls.some(({ name }) => name === "a")).toBe(true);
  calls.delete(first);
  expect(calls.some(({ name }) => name === "a")).toBe(false);
});
