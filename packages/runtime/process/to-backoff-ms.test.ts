import { describe, expect, it } from "vitest";
import { toBackoffMs } from "./to-backoff-ms.ts";

const bounds = { initialWaitMs: 200, longestWaitMs: 5000 };

describe("a backoff", () => {
  it("doubles with each failure up to the longest, however many there are", () => {
    const waits = [1, 2, 3, 5, 6, 1000, 5000].map((failures) => toBackoffMs(failures, bounds, () => 0.9999));
    expect(waits).toEqual([200, 400, 800, 3200, 5000, 5000, 5000]);
  });

  it("is at least half of the longest wait of its turn", () => {
    expect([1, 2, 1000].map((failures) => toBackoffMs(failures, bounds, () => 0))).toEqual([100, 200, 2500]);
  });
});
