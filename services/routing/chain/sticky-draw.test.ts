import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawSticky, type WeightedEntry } from "./sticky-draw.ts";

const keys = Array.from({ length: 4000 }, (_, number) => `session-${number}`);

describe("a sticky draw", () => {
  it("respects the weights within what chance allows", () => {
    const entries = [
      { id: "m-a", weight: 0.3 },
      { id: "m-b", weight: 0.7 },
    ];
    const first = keys.filter((key) => drawSticky(key, entries) === 0).length;
    const deviation = Math.sqrt(keys.length * 0.3 * 0.7);
    expect(Math.abs(first - keys.length * 0.3)).toBeLessThan(5 * deviation);
  });

  it("moves only the keys of an entry that goes", () => {
    const entries: WeightedEntry[] = [1, 2, 3, 4].map((weight) => ({ id: `m-${weight}`, weight }));
    const rest = entries.filter(({ id }) => id !== "m-3");
    for (const key of keys) {
      const before = entries[drawSticky(key, entries)];
      const after = rest[drawSticky(key, rest)];
      if (before?.id !== "m-3") {
        expect(after).toBe(before);
      }
    }
  });

  it("does not depend on the order of the entries", () => {
    const entry = fc.record({ id: fc.uuid(), weight: fc.double({ min: 0.01, max: 10, noNaN: true }) });
    fc.assert(
      fc.property(fc.string(), fc.uniqueArray(entry, { selector: ({ id }) => id, minLength: 1 }), (key, entries) => {
        const reversed = [...entries].reverse();
        expect(reversed[drawSticky(key, reversed)]).toBe(entries[drawSticky(key, entries)]);
      }),
    );
  });

  it("never chooses a weight of 0 while another is above it, and counts all zeros as equal", () => {
    const mixed = [
      { id: "m-a", weight: 0 },
      { id: "m-b", weight: 1e-9 },
    ];
    expect(keys.every((key) => drawSticky(key, mixed) === 1)).toBe(true);
    const zeros = mixed.map(({ id }) => ({ id, weight: 0 }));
    expect(new Set(keys.map((key) => drawSticky(key, zeros)))).toEqual(new Set([0, 1]));
  });

  it("finds nothing among nothing", () => {
    expect(drawSticky("key", [])).toBe(-1);
  });
});
