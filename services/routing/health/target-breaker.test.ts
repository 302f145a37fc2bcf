import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BreakerPolicy, TargetBreaker } from "./target-breaker.ts";

const policy: BreakerPolicy = { failureRatio: 0.5, minRequests: 4, windowMs: 1000, openForMs: 500, halfOpenProbes: 2 };

function openBreaker(): { breaker: TargetBreaker; changes: string[] } {
  const changes: string[] = [];
  const breaker = new TargetBreaker(policy, (from, to) => changes.push(`${from}>${to}`));
  return { breaker, changes };
}

function call(breaker: TargetBreaker, outcome: "success" | "failure" | "neutral", nowMs: number): void {
  breaker.report(breaker.begin(nowMs), outcome, nowMs);
}

function tripped(): { breaker: TargetBreaker; changes: string[] } {
  const opened = openBreaker();
  for (let n = 0; n < 4; n++) {
    call(opened.breaker, "failure", 0);
  }
  return opened;
}

describe("a breaker", () => {
  it("opens at the failure ratio, not before the fewest requests", () => {
    const { breaker, changes } = openBreaker();
    for (let n = 0; n < 3; n++) {
      call(breaker, "failure", 0);
    }
    expect(breaker.state(0)).toBe("closed");
    call(breaker, "success", 1);
    call(breaker, "failure", 2);
    expect(breaker.state(2)).toBe("open");
    expect(breaker.acceptsCalls(2)).toBe(false);
    expect(changes).toEqual(["closed>open"]);
  });

  it("forgets failures that are older than the window", () => {
    const { breaker } = openBreaker();
    for (let n = 0; n < 3; n++) {
      call(breaker, "failure", 0);
    }
    call(breaker, "failure", 1200);
    expect(breaker.state(1200)).toBe("closed");
  });

  it("is not hurt by the caller's mistakes", () => {
    const { breaker } = openBreaker();
    for (let n = 0; n < 100; n++) {
      call(breaker, "neutral", n);
    }
    expect(breaker.state(100)).toBe("closed");
  });

  it("lets only so many probes through at once when its time is over", () => {
    const { breaker } = tripped();
    expect(breaker.acceptsCalls(499)).toBe(false);
    expect(breaker.acceptsCalls(500)).toBe(true);
    const first = breaker.begin(500);
    expect(breaker.acceptsCalls(500)).toBe(true);
    breaker.begin(500);
    expect(breaker.acceptsCalls(500)).toBe(false);
    breaker.report(first, "neutral", 501);
    expect(breaker.acceptsCalls(501)).toBe(true);
  });

  it("closes after as many successes in a row", () => {
    const { breaker, changes } = tripped();
    call(breaker, "success", 600);
    expect(breaker.state(600)).toBe("half-open");
    call(breaker, "success", 601);
    expect(breaker.state(601)).toBe("closed");
    expect(changes).toEqual(["closed>open", "open>half-open", "half-open>closed"]);
  });

  it("opens again on one failed probe, for its whole time", () => {
    const { breaker } = tripped();
    call(breaker, "success", 600);
    call(breaker, "failure", 700);
    expect(breaker.state(1199)).toBe("open");
    expect(breaker.state(1200)).toBe("half-open");
  });

  it("hears nothing from calls that began before it opened", () => {
    const { breaker } = openBreaker();
    const slow = breaker.begin(0);
    for (let n = 0; n < 4; n++) {
      call(breaker, "failure", 1);
    }
    breaker.report(slow, "success", 600);
    expect(breaker.state(600)).toBe("half-open");
    expect(breaker.acceptsCalls(600)).toBe(true);
  });

  it("takes a call that was forced while it was open as a probe", () => {
    const { breaker } = tripped();
    call(breaker, "success", 10);
    expect(breaker.state(10)).toBe("half-open");
  });

  it("never has a negative number of probes, and closes again whatever happened before", () => {
    const outcome = fc.constantFrom("success" as const, "failure" as const, "neutral" as const);
    fc.assert(
      fc.property(fc.array(fc.tuple(outcome, fc.integer({ min: 0, max: 400 })), { maxLength: 200 }), (steps) => {
        const { breaker } = openBreaker();
        let nowMs = 0;
        for (const [result, waitMs] of steps) {
          nowMs += waitMs;
          call(breaker, result, nowMs);
        }
        nowMs += policy.openForMs;
        expect(breaker.acceptsCalls(nowMs)).toBe(true);
        for (let n = 0; n < policy.halfOpenProbes; n++) {
          call(breaker, "success", nowMs);
        }
        expect(breaker.state(nowMs)).toBe("closed");
      }),
    );
  });
});
