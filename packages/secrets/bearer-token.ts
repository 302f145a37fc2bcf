import { hash, timingSafeEqual } from "node:crypto";

const bearer = /^bearer +(\S+) *$/i;

/** The token of an `authorization` value `Bearer TOKEN`; undefined for any other value, and for none. */
export function readBearerToken(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : bearer.exec(authorization)?.[1];
}

/** Whether a token that was shown is the one that is set. The time that it takes tells nothing of where they differ. */
export function isSameToken(given: string, expected: string): boolean {
  // Hashes have one length.
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", expected, "buffer"));
}
