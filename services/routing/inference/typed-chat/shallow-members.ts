// A protobuf reader stops at a hundred messages within each other, and each level of JSON is three.
const mostLevels = 30;

/** The members of an object that a `google.protobuf.Struct` can carry to every reader: those that are not nested too deep. */
export function withoutDeepMembers(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => isWithin(value, mostLevels)));
}

function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) {
    return true;
  }
  return levels > 0 && Object.values(value).every((member) => isWithin(member, levels - 1));
}
