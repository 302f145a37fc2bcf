import { describe, expect, it } from "vitest";
import { HealthRegistry } from "./health-registry.ts";
import type { BreakerPolicy } from "./target-breaker.ts";
import { HealthPermit, type TargetIdentity } from "./target-health.ts";

const strict: BreakerPolicy = { failureRatio: 0.5, minRequests: 1, windowMs: 1000, openForMs: 100, halfOpenProbes: 1 };
const lenient: BreakerPolicy = { ...strict, minRequests: 100 };
const identity: TargetIdentity = { providerId: "openai", baseUrl: undefined, model: "gpt-4o", secretId: "s-1" };

function createRegistry(): { registry: HealthRegistry; changes: string[] } {
  const changes: string[] = [];
  const registry = new HealthRegistry(({ from, to }) => changes.push(`${from} > ${to}`));
  return { registry, changes };
}

describe("the health of a target", () => {
  it("is one record for all who call the same provider, model, URL and secret", () => {
    const { registry } = createRegistry();
    expect(registry.get({ ...identity })).toBe(registry.get({ ...identity }));
    expect(registry.get({ ...identity, secretId: "s-2" })).not.toBe(registry.get(identity));
    expect(registry.list()).toHaveLength(2);
  });

  it("has one breaker for each set of settings", () => {
    const { registry } = createRegistry();
    const health = registry.get(identity);
    new HealthPermit(health.breaker(strict), 0).report("failure", 0);
    expect(health.availability(health.breaker(strict), 1)).toBe("breaker open");
    expect(health.availability(health.breaker(lenient), 1)).toBe("available");
    expect(health.breakerState(1)).toBe("open");
    expect(health.availability(health.breaker({ ...strict }), 100)).toBe("available");
  });

  it("takes one outcome of a call, the first", () => {
    const health = createRegistry().registry.get(identity);
    const permit = new HealthPermit(health.breaker(strict), 0);
    permit.report("success", 0);
    permit.report("failure", 0);
    expect(health.breakerState(0)).toBe("closed");
  });

  it("cools until the latest time that was asked for", () => {
    const { registry, changes } = createRegistry();
    const health = registry.get(identity);
    health.cool(1000, 0);
    health.cool(500, 0);
    expect(health.availability(health.breaker(strict), 999)).toBe("cooling");
    expect(health.coolingMs(400)).toBe(600);
    expect(health.availability(health.breaker(strict), 1000)).toBe("available");
    expect(changes).toEqual(["not cooling > cooling"]);
  });

  it("is drained and enabled by hand, and enabling forgets the cooling", () => {
    const { registry, changes } = createRegistry();
    const health = registry.get(identity);
    health.cool(1000, 0);
    health.setDrained(true);
    health.setDrained(true);
    expect(health.availability(health.breaker(strict), 1)).toBe("drained");
    health.setDrained(false);
    expect(health.availability(health.breaker(strict), 1)).toBe("available");
    expect(changes).toEqual(["not cooling > cooling", "enabled > drained", "drained > enabled"]);
  });

  it("follows its active probe", () => {
    const { registry, changes } = createRegistry();
    const health = registry.get(identity);
    for (const isHealthy of [true, false, false]) {
      health.reportProbe(isHealthy);
    }
    expect(health.availability(health.breaker(strict), 1)).toBe("probe failed");
    health.reportProbe(true);
    expect(changes).toEqual(["probe passing > probe failing", "probe failing > probe passing"]);
  });

  it("is forgotten with the last endpoint that uses it, and so are its breakers", () => {
    const { registry } = createRegistry();
    const health = registry.get(identity);
    registry.get({ ...identity, model: "gone" });
    const opened = health.breaker(strict);
    health.breaker(lenient);
    registry.keep([{ health, breakerPolicy: strict }]);
    expect(registry.list()).toEqual([health]);
    expect(health.breaker(strict)).toBe(opened);
  });
});
