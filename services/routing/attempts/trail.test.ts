import { describe, expect, it } from "vitest";
import { inferenceV1 } from "#contracts";
import { encodeTrailDetail } from "./trail.ts";

describe("a trail in the details of a status", () => {
  const attempt = (index: number) => inferenceV1.Attempt.fromPartial({ index, target: `p/${"m".repeat(500)}` });

  it("is whole when it is short", () => {
    const trail = inferenceV1.RouteTrail.fromPartial({ endpoint: "chat", attempts: [attempt(1), attempt(2)] });
    expect(inferenceV1.RouteTrail.decode(encodeTrailDetail(trail))).toEqual(trail);
  });

  it("leaves out its oldest attempts when it is too long", () => {
    const attempts = Array.from({ length: 30 }, (_, index) => attempt(index + 1));
    const encoded = encodeTrailDetail(inferenceV1.RouteTrail.fromPartial({ endpoint: "chat", attempts }));
    const told = inferenceV1.RouteTrail.decode(encoded).attempts.map(({ index }) => index);
    expect(encoded.length).toBeLessThanOrEqual(3 * 1024);
    expect(told.at(-1)).toBe(30);
    expect(told.length).toBeGreaterThan(4);
  });
});
