import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { describe, expect, test } from "vitest";
import { type AddressResolver, createPublicLookup, isPublicAddress } from "./outbound-guard.ts";

describe("isPublicAddress", () => {
  test.each([
    ["this network", "0.0.0.0"],
    ["private", "10.1.2.3"],
    ["private", "172.16.0.1"],
    ["private, last of its block", "172.31.255.255"],
    ["private", "192.168.1.1"],
    ["shared between carriers", "100.64.0.1"],
    ["metadata of Alibaba", "100.100.100.200"],
    ["loopback", "127.0.0.1"],
    ["loopback", "127.255.0.1"],
    ["metadata of most clouds", "169.254.169.254"],
    ["metadata of Azure", "168.63.129.16"],
    ["benchmarks", "198.18.0.1"],
    ["documentation", "203.0.113.7"],
    ["multicast", "224.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["unspecified", "::"],
    ["loopback", "::1"],
    ["link-local", "fe80::1"],
    ["link-local with a zone", "fe80::1%eth0"],
    ["unique local", "fd00:ec2::254"],
    ["multicast", "ff02::1"],
    ["documentation", "2001:db8::1"],
    ["Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    ["6to4", "2002:7f00:1::"],
    ["mapped loopback", "::ffff:127.0.0.1"],
    ["mapped loopback in hex", "::ffff:7f00:1"],
    ["mapped private, written in full", "0:0:0:0:0:ffff:0a00:0001"],
    ["NAT64 of metadata", "64:ff9b::a9fe:a9fe"],
    ["NAT64 of metadata", "64:ff9b::169.254.169.254"],
    ["NAT64 of 0.0.0.0", "64:ff9b::"],
    ["local-use NAT64", "64:ff9b:1::1"],
    ["compatible, deprecated", "::127.0.0.1"],
    ["no address", "example.com"],
    ["no address", ""],
  ])("refuses %s: %s", (_kind, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each([
    "1.1.1.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
  ])("allows %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe("a look-up of public addresses", () => {
  const ask = (lookup: LookupFunction, hostname: string, options: { all?: boolean; family?: number }) =>
    new Promise<unknown[]>((resolve) => lookup(hostname, options, (...results: unknown[]) => resolve(results)));

  const resolvesTo =
    (...addresses: LookupAddress[]): AddressResolver =>
    (_hostname, _options, callback) =>
      callback(null, addresses);
  const internal = { address: "10.0.0.7", family: 4 };
  const metadata = { address: "fd00:ec2::254", family: 6 };
  const first = { address: "8.8.8.8", family: 4 };
  const second = { address: "2606:4700::1111", family: 6 };

  test("fails for a name that has only private addresses", async () => {
    for (const all of [true, false]) {
      const [error] = await ask(createPublicLookup(), "localhost", { all });
      expect(error).toMatchObject({ code: "SPILLWAY_BLOCKED_ADDRESS" });
    }
  });

  test("gives, of a name that has both kinds, the public addresses alone", async () => {
    const lookup = createPublicLookup(resolvesTo(internal, first, metadata, second));
    expect(await ask(lookup, "mixed.example", { all: true })).toEqual([null, [first, second]]);
    expect(await ask(lookup, "mixed.example", { all: false })).toEqual([null, first.address, 4]);
    expect(await ask(lookup, "mixed.example", {})).toEqual([null, first.address, 4]);
  });

  test("asks the system, with what else it is asked for", async () => {
    expect(await ask(createPublicLookup(), "8.8.8.8", { all: true })).toEqual([null, [first]]);
    let asked: object = {};
    const lookup = createPublicLookup((_hostname, options, callback) => {
      asked = options;
      callback(null, [first]);
    });
    await ask(lookup, "one.example", { all: false, family: 4 });
    expect(asked).toEqual({ all: true, family: 4 });
  });

  test("fails as the system does, which is no refusal", async () => {
    const failure = Object.assign(new Error("getaddrinfo ENOTFOUND absent.example"), { code: "ENOTFOUND" });
    const lookup = createPublicLookup((_hostname, _options, callback) => callback(failure, []));
    for (const all of [true, false]) {
      expect((await ask(lookup, "absent.example", { all }))[0]).toBe(failure);
    }
  });
});
