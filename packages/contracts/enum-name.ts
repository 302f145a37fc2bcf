/**
 * Names the value of a generated enum, without its prefix: `enumName(FailureClass, 13)` is `PROVIDER_OVERLOADED`.
 * A number that the enum does not know is written as it is.
 */
export function enumName(enumeration: Readonly<Record<string, number>>, value: number): string {
  let names = namesByEnumeration.get(enumeration);
  if (names === undefined) {
    names = new Map(Object.entries(enumeration).map(([name, number]) => [number, name]));
    namesByEnumeration.set(enumeration, names);
  }
  return names.get(value) ?? String(value);
}

const namesByEnumeration = new WeakMap<object, ReadonlyMap<number, string>>();
