import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MetricRegistry } from "./metric-registry.ts";

const description = { name: "spillway.tests", unit: "{test}", description: "Tests." };

describe("a metric registry", () => {
  it("gives one cell to the same labels", () => {
    const counter = new MetricRegistry().counter(description);
    expect(counter.cell({ a: "1" })).toBe(counter.cell({ a: "1" }));
    expect(counter.cell({ a: "1" })).not.toBe(counter.cell({ a: "2" }));
    expect(counter.cell({ a: 'x","b":"y' })).not.toBe(counter.cell({ a: "x", b: "y" }));
  });

  it("collects what has series, in the order of adding", () => {
    const metrics = new MetricRegistry();
    metrics.counter({ ...description, name: "empty" });
    metrics
      .counter({ ...description, name: "second" })
      .cell({})
      .add(2);
    metrics.observe("gauge", { ...description, name: "third" }, () => [{ labels: {}, value: 3 }]);
    expect(metrics.collect()).toMatchObject([
      { name: "second", kind: "counter", points: [{ value: 2 }] },
      { name: "third", kind: "gauge", points: [{ value: 3 }] },
    ]);
  });

  it("refuses a name twice", () => {
    const metrics = new MetricRegistry();
    metrics.counter(description);
    expect(() => metrics.histogram(description, [1])).toThrow("spillway.tests");
  });

  it("has at most 2000 series of a metric; all further labels count in one more", () => {
    const metrics = new MetricRegistry();
    const counter = metrics.counter({ ...description, name: "counted" });
    for (let index = 0; index < 5000; index++) {
      counter.cell({ caller: `c-${index}` }).add();
    }
    metrics.observe("gauge", { ...description, name: "observed" }, () =>
      Array.from({ length: 5000 }, (_, index) => ({ labels: { caller: `c-${index}` }, value: 1 })),
    );
    for (const { points } of metrics.collect()) {
      expect(points).toHaveLength(2001);
      expect(points.at(-1)).toMatchObject({ labels: { "otel.metric.overflow": "true" }, value: 3000 });
    }
  });

  it("has room again for what it forgot", () => {
    const metrics = new MetricRegistry();
    const counter = metrics.counter(description);
    counter.cell({ target: "old" }).add();
    counter.cell({ target: "new" }).add();
    counter.forget(({ target }) => target === "old");
    expect(metrics.collect()).toMatchObject([{ points: [{ labels: { target: "new" } }] }]);
    expect(counter.cell({ target: "old" }).value).toBe(0);
  });
});

describe("a histogram", () => {
  it("counts a value at a bound below it, and what is above all bounds in the last bucket", () => {
    const cell = new MetricRegistry().histogram(description, [1, 10]).cell({});
    for (const value of [0, 1, 1.5, 10, 11, 1e9]) {
      cell.record(value);
    }
    expect([...cell.counts]).toEqual([2, 2, 2]);
    expect(cell.count).toBe(6);
  });

  it("loses no value, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true })), (values) => {
        const cell = new MetricRegistry().histogram(description, [0.5, 5, 50, 500]).cell({});
        for (const value of values) {
          cell.record(value);
        }
        expect(cell.counts.reduce((left, right) => left + right, 0)).toBe(values.length);
        expect(cell.sum).toBe(values.reduce((left, right) => left + right, 0));
        expect(cell.counts[4]).toBe(values.filter((value) => value > 500).length);
      }),
    );
  });
});
