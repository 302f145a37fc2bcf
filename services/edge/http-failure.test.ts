import { expect, test } from "vitest";
import { googleRpc, inferenceV1 } from "#contracts";
import { type RpcCode, RpcError } from "#rpc";
import { toHttpFailure } from "./http-failure.ts";
import { createRoutingError, failedTrail } from "./testing/start-test-edge.ts";

function fail(code: RpcCode, reason: string, metadata: Record<string, string> = {}) {
  return toHttpFailure(new RpcError({ code, reason, message: "m", metadata }));
}

function retryAfter(seconds: bigint, nanos: number) {
  const value = googleRpc.RetryInfo.encode({ retryDelay: { seconds, nanos } }).finish();
  const details = [{ type: "google.rpc.RetryInfo", value }];
  return createRoutingError({ code: "RESOURCE_EXHAUSTED", reason: "TARGETS_RATE_LIMITED", message: "m", details });
}

test.each([
  ["INVALID_ARGUMENT", 400, "invalid_request_error"],
  ["FAILED_PRECONDITION", 400, "invalid_request_error"],
  ["OUT_OF_RANGE", 400, "invalid_request_error"],
  ["UNAUTHENTICATED", 401, "authentication_error"],
  ["PERMISSION_DENIED", 403, "permission_error"],
  ["NOT_FOUND", 404, "invalid_request_error"],
  ["ALREADY_EXISTS", 409, "invalid_request_error"],
  ["ABORTED", 409, "invalid_request_error"],
  ["RESOURCE_EXHAUSTED", 429, "rate_limit_error"],
  ["CANCELLED", 499, "invalid_request_error"],
  ["UNIMPLEMENTED", 501, "server_error"],
  ["UNAVAILABLE", 503, "server_error"],
  ["DEADLINE_EXCEEDED", 504, "server_error"],
  ["INTERNAL", 500, "server_error"],
  ["UNKNOWN", 500, "server_error"],
  ["DATA_LOSS", 500, "server_error"],
] as const)("%s is %d", (code, status, type) => {
  expect(fail(code, "REASON")).toMatchObject({ status, error: { message: "m", type, param: null } });
});

test("a caller's fault keeps the provider's status, type, code and param", () => {
  const metadata = { http_status: "422", type: "invalid_request_error", code: "bad_value", param: "temperature" };
  expect(fail("INVALID_ARGUMENT", "CALLER_FAULT", metadata)).toMatchObject({
    status: 422,
    error: { type: "invalid_request_error", code: "bad_value", param: "temperature" },
  });
  expect(fail("INVALID_ARGUMENT", "CALLER_FAULT", { http_status: "400" }).error.code).toBeNull();
});

test("a status in the metadata that is no error status is not believed", () => {
  for (const status of ["200", "600", "4xx", "", "404.5"]) {
    expect(fail("UNAVAILABLE", "TARGETS_UNREACHABLE", { http_status: status }).status).toBe(503);
  }
});

test("an unknown endpoint is model_not_found about model, and a rejected key is invalid_api_key", () => {
  expect(fail("NOT_FOUND", "ENDPOINT_NOT_FOUND").error).toMatchObject({ code: "model_not_found", param: "model" });
  expect(fail("UNAUTHENTICATED", "CREDENTIAL_INVALID").error.code).toBe("invalid_api_key");
  expect(fail("UNAUTHENTICATED", "OTHER").error.code).toBe("invalid_api_key");
});

test("a wait is rounded up to whole seconds, at least one", () => {
  expect(toHttpFailure(retryAfter(0n, 5_000_000)).retryAfterSeconds).toBe(1);
  expect(toHttpFailure(retryAfter(0n, 0)).retryAfterSeconds).toBe(1);
  expect(toHttpFailure(retryAfter(2n, 1)).retryAfterSeconds).toBe(3);
  expect(toHttpFailure(retryAfter(2n, 0)).retryAfterSeconds).toBe(2);
});

test("clients may retry after a wait of up to a minute, and not when all was tried already", () => {
  expect(toHttpFailure(retryAfter(60n, 0)).shouldRetry).toBe(true);
  expect(toHttpFailure(retryAfter(60n, 1)).shouldRetry).toBe(false);
  const spent = createRoutingError({ code: "UNAVAILABLE", reason: "TARGETS_EXHAUSTED", message: "m" });
  expect(toHttpFailure(spent).shouldRetry).toBe(false);
  expect(fail("UNAVAILABLE", "CONFIG_UNAVAILABLE").shouldRetry).toBe(true);
  const skipped = inferenceV1.RouteTrail.fromPartial({ attempts: [{ ...failedTrail.attempts[0], index: 0 }] });
  const saturated = createRoutingError({ code: "UNAVAILABLE", reason: "TARGETS_SATURATED", message: "m" }, skipped);
  expect(toHttpFailure(saturated).shouldRetry).toBe(true);
});

test("what is not an RpcError says nothing of itself", () => {
  expect(toHttpFailure(new Error("password"))).toMatchObject({
    status: 500,
    error: { message: "Internal error.", type: "server_error", code: "internal" },
  });
});
