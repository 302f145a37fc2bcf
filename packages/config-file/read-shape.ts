import { isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { showReferences } from "./environment-references.ts";
import { suggestName } from "./nearest-name.ts";
import { readScalar } from "./read-scalar.ts";
import { complain, type Place, type Reading } from "./reading.ts";
import type { ClassesShape, ListShape, RecordShape, Shape } from "./shape.ts";

/** The aliases of a file expand to more than a file may hold. */
export class TooManyNodesError extends Error {}

/** Reads a place as a shape says. Whatever is wrong is added to the violations; the result is usable if there is none. */
export function readShape(place: Place, shape: Shape, reading: Reading): unknown {
  if (reading.nodesLeft-- <= 0) {
    throw new TooManyNodesError();
  }
  reading.lines.set(place.path, place.line);
  const at = resolveAlias(place, reading);
  if (at === undefined) {
    return undefined;
  }
  switch (shape.kind) {
    case "record":
      return readRecord(at, shape, reading);
    case "list":
      return readList(at, shape, reading);
    case "map":
      return readMap(at, reading);
    case "classes":
      return readClasses(at, shape, reading);
    default:
      return readScalar(at, shape, reading);
  }
}

function resolveAlias(place: Place, reading: Reading): Place | undefined {
  if (!isAlias(place.node)) {
    return place;
  }
  const node = reading.aliased.get(place.node);
  if (node === undefined) {
    complain(reading, place, "no anchor of this name stands before it");
    return undefined;
  }
  return { ...place, node };
}

function readRecord(place: Place, shape: RecordShape, reading: Reading): Record<string, unknown> | undefined {
  if (!isMap(place.node)) {
    complain(reading, place, `must be a mapping with the keys ${[...shape.keys.keys()].join(", ")}`);
    return undefined;
  }
  const values: Record<string, unknown> = {};
  const present = new Set<string>();
  for (const { name, ...value } of readPairs(place.node, place, reading)) {
    const key = shape.keys.get(name);
    if (key === undefined) {
      complain(reading, value, shape.misplaced.get(name) ?? `unknown key${suggestName(name, shape.keys.keys())}`);
    } else if (!isEmpty(value.node)) {
      present.add(name);
      values[key.field] = readShape(value, key.shape, reading);
    }
  }
  for (const [name, key] of shape.keys) {
    if (key.required && !present.has(name)) {
      complain(reading, { path: joinPath(place.path, name), line: place.line }, "must be set");
    }
  }
  return values;
}

function readList(place: Place, shape: ListShape, reading: Reading): unknown[] {
  return readItems(place, reading).map((item) => readShape(item, shape.of, reading));
}

function readMap(place: Place, reading: Reading): Record<string, string> | undefined {
  if (!isMap(place.node)) {
    complain(reading, place, "must be a mapping of names to texts");
    return undefined;
  }
  const entries: [string, string][] = [];
  for (const { name, ...value } of readPairs(place.node, place, reading)) {
    const read = readShape(value, { kind: "text" }, reading);
    if (typeof read === "string") {
      entries.push([name, read]);
    }
  }
  return Object.fromEntries(entries);
}

function readClasses(place: Place, shape: ClassesShape, reading: Reading): { add: number[]; remove: number[] } {
  const changes: { add: number[]; remove: number[] } = { add: [], remove: [] };
  for (const item of readItems(place, reading)) {
    const written = readShape(item, { kind: "text" }, reading);
    if (typeof written !== "string") {
      continue;
    }
    const isRemoved = written.startsWith("-");
    const name = isRemoved ? written.slice(1) : written;
    const value = shape.values.get(name);
    if (value === undefined) {
      complain(reading, item, `must be one of ${[...shape.values.keys()].join(", ")}, or one with \`-\` before it`);
    } else if (changes.add.includes(value) || changes.remove.includes(value)) {
      complain(reading, item, `names ${name} for the second time`);
    } else {
      changes[isRemoved ? "remove" : "add"].push(value);
    }
  }
  return changes;
}

/** The pairs of a mapping; of a key that stands in it twice the first one, with a violation. */
function readPairs(map: YAMLMap, place: Place, reading: Reading): (Place & { readonly name: string })[] {
  const pairs = new Map<string, Place & { readonly name: string }>();
  for (const { key, value } of map.items) {
    const name = isScalar(key) ? showReferences(String(key.value)) : "?";
    const pair = { name, node: value, path: joinPath(place.path, name), line: lineOf(key, reading) ?? place.line };
    const first = pairs.get(name);
    if (first === undefined) {
      pairs.set(name, pair);
    } else {
      complain(reading, pair, `stands here for the second time, after line ${first.line}`);
    }
  }
  return [...pairs.values()];
}

function readItems(place: Place, reading: Reading): Place[] {
  if (!isSeq(place.node)) {
    complain(reading, place, "must be a list");
    return [];
  }
  return place.node.items.map((node, index) => ({
    node,
    path: `${place.path}[${index}]`,
    line: lineOf(node, reading) ?? place.line,
  }));
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

function lineOf(node: unknown, reading: Reading): number | undefined {
  const range = (node as Partial<Node> | null | undefined)?.range;
  return range ? reading.lineAt(range[0]) : undefined;
}

function joinPath(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
