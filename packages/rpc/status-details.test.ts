import { describe, expect, test } from "vitest";
import { googleRpc } from "#contracts";
import { invalidFields, RpcError } from "./rpc-error.ts";
import { decodeStatus, encodeStatus, fromStatusNumber, toStatusNumber, toTrailerText } from "./status-details.ts";

const maxTrailerLength = 6 * 1024;

function errorWith(details: readonly { readonly type: string; readonly value: Uint8Array }[]): RpcError {
  return new RpcError({
    code: "UNAVAILABLE",
    reason: "TARGETS_EXHAUSTED",
    message: "all targets failed",
    metadata: { endpoint: "chat" },
    details,
  });
}

function roundTrip(error: RpcError): RpcError {
  const encoded = encodeStatus(error);
  expect(encoded.toString("base64").length).toBeLessThan(maxTrailerLength);
  return decodeStatus(toStatusNumber(error.code), "", encoded);
}

describe("an error in a trailer", () => {
  test("comes back as it was", () => {
    const details = [{ type: "spillway.inference.v1.RouteTrail", value: Buffer.from("trail") }];
    expect(roundTrip(errorWith(details))).toMatchObject({
      code: "UNAVAILABLE",
      reason: "TARGETS_EXHAUSTED",
      message: "all targets failed",
      metadata: { endpoint: "chat" },
      details,
    });
  });

  test("loses its biggest details first when it is too long", () => {
    const small = { type: "small", value: Buffer.alloc(100) };
    const medium = { type: "medium", value: Buffer.alloc(3000) };
    const large = { type: "large", value: Buffer.alloc(4000) };
    const back = roundTrip(errorWith([small, large, medium]));
    expect(back.details.map(({ type }) => type)).toEqual(["small", "medium"]);
    expect(back.reason).toBe("TARGETS_EXHAUSTED");
  });

  test.each([1, 10, 50, 400])("keeps as many first violations as fit, of %i characters each", (length) => {
    const violations = Array.from({ length: 300 }, (_, index) => ({
      field: `f${index}`,
      description: "x".repeat(length),
    }));
    const back = roundTrip(invalidFields(violations));
    const kept = back.detail("google.rpc.BadRequest", googleRpc.BadRequest)?.fieldViolations ?? [];
    const named = kept.map(({ field, description }) => ({ field, description }));
    expect(named).toEqual(violations.slice(0, kept.length));
    const oneMore = kept.length * (length + 12) + length + 12;
    expect(kept.length === 300 || oneMore > 2800).toBe(true);
    expect(kept.length).toBeGreaterThan(5);
  });

  test("keeps as many first preconditions as fit, and drops what is no list", () => {
    const violations = Array.from({ length: 100 }, (_, n) => ({
      type: "IN_USE",
      subject: `s${n}`,
      description: "x".repeat(99),
    }));
    const value = googleRpc.PreconditionFailure.encode({ violations }).finish();
    const back = roundTrip(errorWith([{ type: "google.rpc.PreconditionFailure", value }]));
    const failure = back.detail("google.rpc.PreconditionFailure", googleRpc.PreconditionFailure);
    expect(failure?.violations.length).toBeGreaterThan(25);
    expect(failure?.violations[0]).toMatchObject({ subject: "s0" });
    const tooLong = [{ field: "f", description: "x".repeat(10_000) }];
    expect(roundTrip(invalidFields(tooLong)).details).toEqual([]);
  });

  test.each(["x", "ü", "文", "🙂"])(
    "keeps its reason and whole characters however long message and metadata are (%s)",
    (letter) => {
      const metadata = Object.fromEntries(
        Array.from({ length: 100 }, (_, index) => [`key-${index}`, letter.repeat(5000)]),
      );
      const message = letter.repeat(50_000);
      const back = roundTrip(new RpcError({ code: "ABORTED", reason: "ETAG_MISMATCH", message, metadata }));
      expect(back.reason).toBe("ETAG_MISMATCH");
      expect(back.message).toBe(letter.repeat(Math.floor(1024 / Buffer.byteLength(letter))));
      expect(back.metadata["key-0"]).toBe(letter.repeat(Math.floor(512 / Buffer.byteLength(letter))));
      const text = toTrailerText(message);
      expect(text).toBe(letter.repeat(Math.floor(1024 / encodeURI(letter).length)));
      expect(toTrailerText(letter.repeat(10))).toBe(letter.repeat(10));
    },
  );

  test("may have text that is no proper Unicode", () => {
    expect(() => encodeURI(toTrailerText("broken \ud800"))).not.toThrow();
    expect(roundTrip(new RpcError({ code: "ABORTED", reason: "X", message: "a\ud800b" })).message).toBe("a\ufffdb");
  });
});

describe("an error of a server that says no reason", () => {
  test.each([
    [googleRpc.Code.CANCELLED, "CANCELLED", "CANCELLED"],
    [googleRpc.Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"],
    [googleRpc.Code.UNAVAILABLE, "UNAVAILABLE", "UNAVAILABLE"],
    [googleRpc.Code.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", "INTERNAL"],
    [99, "UNKNOWN", "INTERNAL"],
  ])("code %i reads as %s with reason %s", (number, code, reason) => {
    expect(decodeStatus(number, "text", undefined)).toMatchObject({ code, reason, message: "text" });
  });

  test("details that cannot be read are as none", () => {
    expect(decodeStatus(5, "text", Buffer.from("ffffff", "hex"))).toMatchObject({
      code: "NOT_FOUND",
      reason: "INTERNAL",
      message: "text",
    });
  });

  test("no number reads as OK", () => {
    expect(fromStatusNumber(0)).toBe("UNKNOWN");
  });
});
