import { isScalar } from "yaml";
import { resolveReferences, showReferences } from "./environment-references.ts";
import { suggestName } from "./nearest-name.ts";
import { complain, type Place, type Reading } from "./reading.ts";
import type { EnumShape, NumberShape, Shape } from "./shape.ts";

type ScalarShape = Extract<Shape, { kind: "text" | "boolean" | "number" | "enum" }>;

/** Reads one scalar; undefined if it is not what the shape says, with a violation that tells why. */
export function readScalar(place: Place, shape: ScalarShape, reading: Reading): unknown {
  switch (shape.kind) {
    case "text":
      return readText(place, reading);
    case "boolean":
      return readBoolean(place, reading);
    case "number":
      return readNumber(place, shape, reading);
    case "enum":
      return readEnum(place, shape, reading);
  }
}

function valueAt({ node }: Place): unknown {
  return isScalar(node) ? node.value : undefined;
}

function readBoolean(place: Place, reading: Reading): boolean | undefined {
  const value = valueAt(place);
  if (typeof value !== "boolean") {
    complain(reading, place, "must be true or false");
    return undefined;
  }
  return value;
}

function readText(place: Place, reading: Reading): string | undefined {
  const value = valueAt(place);
  if (typeof value !== "string") {
    const fix = typeof value === "number" || typeof value === "boolean" ? "; put it in quotes" : "";
    complain(reading, place, `must be text${fix}`);
    return undefined;
  }
  return resolveReferences(value, reading.environment, (message) => complain(reading, place, message));
}

function readNumber(place: Place, shape: NumberShape, reading: Reading): number | bigint | undefined {
  const value = valueAt(place);
  const isKind = typeof value === "number" && Number.isFinite(value) && (!shape.whole || Number.isInteger(value));
  if (!isKind || value < shape.minimum || value > shape.maximum) {
    complain(reading, place, `must be ${describeNumber(shape)}`);
    return undefined;
  }
  return shape.asBigint ? BigInt(value) : value;
}

function describeNumber({ whole, unit, minimum, maximum }: NumberShape): string {
  if (minimum === maximum) {
    return String(minimum);
  }
  const kind = `a ${whole ? "whole " : ""}number${unit === undefined ? "" : ` of ${unit}`}`;
  return whole || maximum < Number.MAX_VALUE ? `${kind} from ${minimum} to ${maximum}` : `${kind}, at least ${minimum}`;
}

function readEnum(place: Place, shape: EnumShape, reading: Reading): number | undefined {
  const value = valueAt(place);
  const found = typeof value === "string" ? shape.values.get(value) : undefined;
  if (found === undefined) {
    // What stands there is quoted as it is written, never as its references resolve.
    const nearest = typeof value === "string" ? suggestName(showReferences(value), shape.values.keys()) : "";
    const meant = nearest.includes("did you mean") && shape.values.size > 1 ? nearest : "";
    complain(reading, place, `must be one of ${[...shape.values.keys()].join(", ")}${meant}`);
  }
  return found;
}
