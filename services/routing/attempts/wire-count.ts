/** A count as the wire has it: a whole number, 0 for what is none, since a provider may count as it likes. */
export function toWireCount(value: number | null | undefined): bigint {
  return typeof value === "number" && Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
}
