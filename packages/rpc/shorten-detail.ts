import { googleRpc } from "#contracts";

type Shorten = (value: Uint8Array, maxBytes: number) => Uint8Array | undefined;

const shorteners: Readonly<Record<string, Shorten>> = {
  "google.rpc.BadRequest": (value, maxBytes) => {
    const { fieldViolations } = googleRpc.BadRequest.decode(value);
    return encodeMost(fieldViolations, maxBytes, (kept) => googleRpc.BadRequest.encode({ fieldViolations: kept }));
  },
  "google.rpc.PreconditionFailure": (value, maxBytes) => {
    const { violations } = googleRpc.PreconditionFailure.decode(value);
    return encodeMost(violations, maxBytes, (kept) => googleRpc.PreconditionFailure.encode({ violations: kept }));
  },
};

/**
 * A detail that is a list of violations, with as many of its first ones as fit into `maxBytes`. Undefined for any other, and
 * where not even the first one fits.
 */
export function shortenDetail(type: string, value: Uint8Array, maxBytes: number): Uint8Array | undefined {
  return shorteners[type]?.(value, maxBytes);
}

function encodeMost<Entry>(
  entries: readonly Entry[],
  maxBytes: number,
  encode: (kept: Entry[]) => { finish(): Uint8Array },
): Uint8Array | undefined {
  for (let count = entries.length; count > 0; count -= 1) {
    const encoded = encode(entries.slice(0, count)).finish();
    if (encoded.length <= maxBytes) {
      return encoded;
    }
  }
  return undefined;
}
