import { suggestName } from "#config-file";
import type { Violation } from "../violations.ts";
import { type ApplyScope, namesAfter } from "./apply-scope.ts";
import { type Noun, nouns, resourceTypes } from "./stored-config.ts";

/** Names of a document that stand for nothing: not in it, and not among what stays stored. Also names that stand twice. */
export function referenceViolations(scope: ApplyScope): Violation[] {
  const { document } = scope;
  const secrets = createLookUp(scope, "secrets");
  const models = createLookUp(scope, "models");
  const endpoints = createLookUp(scope, "endpoints");
  return [
    ...nouns.flatMap((noun) => repeatedNames(scope, noun)),
    ...document.models.flatMap(({ secret }, index) => secrets(secret, `models[${index}].secret`)),
    ...document.endpoints.flatMap(({ primary, fallback }, index) => [
      ...primary.flatMap(({ model }, target) => models(model, `endpoints[${index}].primary[${target}].model`)),
      ...fallback.flatMap(({ model }, target) => models(model, `endpoints[${index}].fallback[${target}].model`)),
    ]),
    ...document.keys.flatMap((key, index) =>
      key.endpoints.flatMap((name, place) => endpoints(name, `keys[${index}].endpoints[${place}]`)),
    ),
  ];
}

/** Tells what is wrong with a name where one of a kind belongs. A name that is not there at all is another question. */
function createLookUp(scope: ApplyScope, noun: Noun): (name: string, field: string) => Violation[] {
  const names = namesAfter(scope, noun);
  const kind = resourceTypes[noun];
  return (name, field) => {
    if (name === "" || names.has(name)) {
      return [];
    }
    const quoted = JSON.stringify(name);
    const description = scope.gone[noun].has(name)
      ? `the ${kind} ${quoted} is not in the document, so that this apply deletes it`
      : `there is no ${kind} ${quoted}${suggestName(name, names)}`;
    return [{ field, description }];
  };
}

function repeatedNames({ document }: ApplyScope, noun: Noun): Violation[] {
  const first = new Map<string, number>();
  return document[noun].flatMap(({ name }, index) => {
    const earlier = first.get(name);
    if (earlier === undefined || name === "") {
      first.set(name, index);
      return [];
    }
    return [{ field: `${noun}[${index}].name`, description: `is the name of ${noun}[${earlier}] too` }];
  });
}
