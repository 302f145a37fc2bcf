import { expect, test } from "vitest";
import { credentialHeaders } from "#dialects";
import { toCallMetadata, toInvokeHeaders } from "./invoke-headers.ts";

test("no credential and no hop-by-hop header goes on, nor one that the connection header names", () => {
  const credentials = Object.fromEntries([...credentialHeaders].map((name) => [name, "secret"]));
  const headers = { ...credentials, te: "trailers", connection: "close, X-Hop", "x-hop": "1", "x-team": "blue" };
  expect(toInvokeHeaders(headers, "r-1")).toEqual({ "x-team": "blue", "x-request-id": "r-1" });
  expect([...credentialHeaders]).toEqual(expect.arrayContaining(["authorization", "x-api-key", "api-key", "cookie"]));
});

test.each([
  [{ authorization: "", "x-api-key": "sk-1" }, { authorization: "Bearer sk-1" }],
  [{ authorization: "  ", "x-api-key": "sk-1" }, { authorization: "Bearer sk-1" }],
  [{ authorization: "" }, {}],
  [{ authorization: "Basic abc", "x-api-key": "sk-1" }, { authorization: "Basic abc" }],
  [{ authorization: "Bearer sk-2 ", "x-api-key": "sk-1" }, { authorization: "Bearer sk-2 " }],
])("of the headers %j the credential is %j", (headers, metadata) => {
  expect(toCallMetadata(headers)).toEqual(metadata);
});
