import { describe, expect, test } from "vitest";
import { isSameToken, readBearerToken } from "#secrets";

describe("readBearerToken", () => {
  test.each([
    ["Bearer sk-1", "sk-1"],
    ["bearer sk-1", "sk-1"],
    ["BEARER   sk-1  ", "sk-1"],
    ["Bearer a.b~c+/d=", "a.b~c+/d="],
  ])("reads %j as %j", (authorization, token) => {
    expect(readBearerToken(authorization)).toBe(token);
  });

  test.each([
    undefined,
    "",
    "sk-1",
    "Bearer",
    "Bearer ",
    "Bearersk-1",
    " Bearer sk-1",
    "Bearer two words",
    "Basic c2stMQ==",
    "Bearer\tsk-1",
  ])("reads no token from %j", (authorization) => {
    expect(readBearerToken(authorization)).toBeUndefined();
  });
});

describe("isSameToken", () => {
  test("tells equal tokens from others, whatever their lengths", () => {
    expect(isSameToken("adm1n", "adm1n")).toBe(true);
    for (const given of ["", "adm1", "adm1n ", "Adm1n", "x".repeat(10_000)]) {
      expect(isSameToken(given, "adm1n")).toBe(false);
    }
  });
});
