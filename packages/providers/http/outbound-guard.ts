import type { LookupAddress, LookupOptions } from "node:dns";
import { lookup } from "node:dns";
import { BlockList, isIP, isIPv4, type LookupFunction } from "node:net";

const refusedIpv4 = toBlockList("ipv4", [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  // Azure's metadata service lives in public address space.
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
]);

// Teredo and 6to4 carry an IPv4 address in ways that are not worth following, so they are refused as a whole.
const refusedIpv6 = toBlockList("ipv6", ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]);
const globalIpv6 = toBlockList("ipv6", ["2000::/3"]);
const mappedIpv4 = toBlockList("ipv6", ["::ffff:0:0/96"]);
const nat64 = toBlockList("ipv6", ["64:ff9b::/96"]);

/**
 * Whether an IP address (without brackets or zone) is on the public internet. Private, loopback, link-local, metadata,
 * shared (CGNAT), reserved and multicast ones are not; IPv4 inside IPv6 is judged by what is inside. False for what is no address.
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) {
    return !refusedIpv4.check(address, "ipv4");
  }
  if (isIP(address) !== 6 || address.includes("%")) {
    return false;
  }
  if (mappedIpv4.check(address, "ipv6") || nat64.check(address, "ipv6")) {
    return !refusedIpv4.check(toEmbeddedIpv4(address), "ipv4");
  }
  return globalIpv6.check(address, "ipv6") && !refusedIpv6.check(address, "ipv6");
}

/** A connection was refused by the outbound guard: the address is not public. */
export class BlockedAddressError extends Error {
  override readonly name = "BlockedAddressError";
  readonly code = "SPILLWAY_BLOCKED_ADDRESS";
}

/** Finds all addresses of a host, as `lookup` of `node:dns` does. */
export type AddressResolver = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** A `lookup` for sockets that gives only public addresses, and fails with `BlockedAddressError` when there are none. */
export function createPublicLookup(resolve: AddressResolver = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...(options as LookupOptions), all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, "", 0);
        return;
      }
      const open = addresses.filter(({ address }) => isPublicAddress(address));
      const [first] = open;
      if (first === undefined) {
        callback(new BlockedAddressError(`no public address for ${hostname}`), "", 0);
      } else if (options.all === true) {
        (callback as unknown as (error: null, addresses: LookupAddress[]) => void)(null, open);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

function toBlockList(family: "ipv4" | "ipv6", subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = "", prefix] = subnet.split("/");
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}

/** The IPv4 address in the last 32 bits of an IPv6 address, however that is written. */
function toEmbeddedIpv4(address: string): string {
  const last = address.slice(address.lastIndexOf(":") + 1);
  if (isIPv4(last)) {
    return last;
  }
  // The URL parser writes every IPv6 address in one way: groups of hex digits with the zeros left out.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(":");
  const low = Number.parseInt(groups.at(-1) || "0", 16);
  const high = Number.parseInt(groups.at(-2) || "0", 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
