/** A count as the wire has it: a whole number, 0 for what is none, at most 2^53 - 1, since a provider may count as it likes. */
export function toWireCount(value: unknown): bigint {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    return 0n;
  }
  const most = Number.MAX_SAFE_INTEGER;
  return BigInt(Math.trunc(Math.min(most, Math.max(-most, value))));
}
