import { hashApiKey } from "#secrets";
import type { Violation } from "../violations.ts";
import type { ApplyScope } from "./apply-scope.ts";

const leastLength = 16;
const mostLength = 512;

/** What is wrong with the values of a document's API keys. No description shows anything of a value. */
export function keyValueViolations({ document, stored, gone }: ApplyScope): Violation[] {
  const named = new Set(document.keys.map(({ name }) => name));
  // A stored key of the document takes the value that the document gives it, so that its old one is free.
  const taken = new Map(
    [...stored.keys]
      .filter(([name]) => !named.has(name) && !gone.keys.has(name))
      .map(([name, { value }]) => [value.keyHash.toString("hex"), `the stored key ${JSON.stringify(name)}`]),
  );
  return document.keys.flatMap(({ value }, index) => {
    const field = `keys[${index}].value`;
    if (value.length < leastLength || value.length > mostLength) {
      return [{ field, description: `must have from ${leastLength} to ${mostLength} characters` }];
    }
    if (!/^[\x21-\x7e]+$/.test(value)) {
      return [{ field, description: "must be ASCII without spaces and line ends, since it travels in a header" }];
    }
    const keyHash = hashApiKey(value).toString("hex");
    const owner = taken.get(keyHash);
    taken.set(keyHash, owner ?? `keys[${index}]`);
    return owner === undefined ? [] : [{ field, description: `is the value of ${owner} too` }];
  });
}
