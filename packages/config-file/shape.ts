/** What the value of a key must be, and how it becomes the value of a message's field. */
export type Shape =
  | TextShape
  | NumberShape
  | BooleanShape
  | EnumShape
  | ListShape
  | MapShape
  | RecordShape
  | ClassesShape;

interface TextShape {
  readonly kind: "text";
}

interface BooleanShape {
  readonly kind: "boolean";
}

/** A number, whole or not, between two bounds that are both allowed. */
export interface NumberShape {
  readonly kind: "number";
  readonly whole: boolean;
  readonly minimum: number;
  readonly maximum: number;
  /** What is counted, for errors, e.g. `milliseconds`. */
  readonly unit: string | undefined;
  /** Whether the field is an int64, which messages hold as a bigint. */
  readonly asBigint: boolean;
}

/** One name of an enum; becomes its number. */
export interface EnumShape {
  readonly kind: "enum";
  /** Number of each name as files write it. */
  readonly values: ReadonlyMap<string, number>;
}

/** A list of failure classes, `CLASS` to add one and `-CLASS` to take one away; becomes `FailureClassChanges`. */
export interface ClassesShape {
  readonly kind: "classes";
  readonly values: ReadonlyMap<string, number>;
}

/** A list whose entries all have one shape. */
export interface ListShape {
  readonly kind: "list";
  readonly of: Shape;
}

/** A map of free keys to text. */
interface MapShape {
  readonly kind: "map";
}

/** A mapping with known keys; becomes a message. */
export interface RecordShape {
  readonly kind: "record";
  readonly keys: ReadonlyMap<string, Key>;
  /** Keys that belong elsewhere, with a word on where. */
  readonly misplaced: ReadonlyMap<string, string>;
}

/** One key of a record. */
export interface Key<Field extends string = string> {
  /** Field of the message that takes the value. */
  readonly field: Field;
  readonly shape: Shape;
  readonly required: boolean;
}

/** A text, in which references to the environment are resolved. */
export const text: Shape = { kind: "text" };
/** `true` or `false`. */
export const boolean: Shape = { kind: "boolean" };
/** A map of free keys to texts. */
export const textMap: Shape = { kind: "map" };
/** A list of texts. */
export const texts: Shape = { kind: "list", of: text };
const number: Omit<NumberShape, "whole" | "maximum"> = { kind: "number", minimum: 0, unit: undefined, asBigint: false };
/** A finite number that is not negative. */
export const decimal: Shape = { ...number, whole: false, maximum: Number.MAX_VALUE };
/** A number that is not negative and fits a float of 32 bits. */
export const float32: Shape = { ...number, whole: false, maximum: (2 - 2 ** -23) * 2 ** 127 };
/** A whole number that is not negative. */
export const uint32: Shape = { ...number, whole: true, maximum: 2 ** 32 - 1 };
/** The version of the file's format. */
export const formatVersion: Shape = { ...number, whole: true, minimum: 1, maximum: 1 };
/** A whole number that may be negative: what it may be is for the service to say. */
export const int32: Shape = { ...number, whole: true, minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
/** A whole number of milliseconds. */
export const milliseconds: Shape = { ...number, whole: true, maximum: 2 ** 32 - 1, unit: "milliseconds" };
/** A whole number of tokens, which messages hold as a bigint. */
export const tokens: Shape = {
  ...number,
  whole: true,
  maximum: Number.MAX_SAFE_INTEGER,
  unit: "tokens",
  asBigint: true,
};

/** A list of things of one shape. */
export function list(of: Shape): Shape {
  return { kind: "list", of };
}

/** The values of a generated enum, by their names without the prefix, as they are or in lower case. */
export function enumeration(values: Readonly<Record<string, number>>, writtenIn: "upper" | "lower" = "upper"): Shape {
  return { kind: "enum", values: namedValues(values, writtenIn) };
}

/** Changes to a set of failure classes, of the values of the generated enum. */
export function failureClasses(values: Readonly<Record<string, number>>): Shape {
  return { kind: "classes", values: namedValues(values, "upper") };
}

function namedValues(values: Readonly<Record<string, number>>, writtenIn: "upper" | "lower") {
  const named = Object.entries(values).filter(([, value]) => value > 0);
  return new Map(named.map(([name, value]) => [writtenIn === "lower" ? name.toLowerCase() : name, value]));
}

/** A key that must be there and fills this field. */
export function required<const Field extends string>(field: Field, shape: Shape): Key<Field> {
  return { field, shape, required: true };
}

/** A key that may be left out, whose field is then unset. */
export function optional<const Field extends string>(field: Field, shape: Shape): Key<Field> {
  return { field, shape, required: false };
}

/** A record whose keys fill the fields of one message. */
export function record<Message>(
  keys: Readonly<Record<string, Key<keyof Message & string>>>,
  misplaced: Readonly<Record<string, string>> = {},
): RecordShape {
  return { kind: "record", keys: new Map(Object.entries(keys)), misplaced: new Map(Object.entries(misplaced)) };
}
