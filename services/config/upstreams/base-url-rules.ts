import { isIP } from "node:net";
import { isPublicAddress } from "#providers";
import type { Violation } from "../violations.ts";

/** Where providers may live. */
export interface UpstreamPlaces {
  /** Whether base URLs may name private, loopback and link-local addresses. */
  readonly allowPrivateUpstreams: boolean;
}

/** What is wrong with the base URL of a provider's API. What a host name stands for shows when it is connected to. */
export function baseUrlViolations(value: string, field: string, places: UpstreamPlaces): Violation[] {
  const url = URL.parse(value);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return [{ field, description: "must be an http or https URL, e.g. https://api.example.com/v1" }];
  }
  if (url.username !== "" || url.password !== "") {
    return [{ field, description: "must not hold credentials; put them into a secret" }];
  }
  if (url.hash !== "") {
    return [{ field, description: "must not have a fragment" }];
  }
  if (!places.allowPrivateUpstreams && isPrivateHost(url.hostname)) {
    return [
      {
        field,
        description: `must not lead to a private address, ${url.hostname}, unless SPILLWAY_ALLOW_PRIVATE_UPSTREAMS is true`,
      },
    ];
  }
  return value.length > 2048 ? [{ field, description: "must have at most 2048 characters" }] : [];
}

/** The URL parser has brought every way to write an IPv4 address, e.g. 0x7f.1, into one form. */
function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  return isIP(host) === 0 ? /^(?:.*\.)?localhost$/.test(host) : !isPublicAddress(host);
}
