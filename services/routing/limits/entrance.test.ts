import { describe, expect, it } from "vitest";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { Entrance } from "./entrance.ts";

describe("an entrance", () => {
  it("needs a place in every limit, and gives all back together", () => {
    const limits = [new ConcurrencyLimit(2), new ConcurrencyLimit(1)];
    const answers: boolean[] = [];
    const first = new Entrance(limits, 0, () => 0);
    first.enter((hasPlace) => answers.push(hasPlace));
    new Entrance(limits, 0, () => 0).enter((hasPlace) => answers.push(hasPlace));
    expect(answers).toEqual([true, false]);
    expect(limits.map(({ inFlight }) => inFlight)).toEqual([1, 1]);
    first.leave();
    first.leave();
    expect(limits.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });

  it("gives up a wait in the middle, and what was entered before it", () => {
    const limits = [new ConcurrencyLimit(1), new ConcurrencyLimit(1)];
    limits[1]?.tryEnter();
    const waiting = new Entrance(limits, 60_000, () => 0);
    waiting.enter(() => expect.unreachable());
    expect(limits[0]?.inFlight).toBe(1);
    waiting.leave();
    limits[1]?.leave();
    expect(limits.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });
});
