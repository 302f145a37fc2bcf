import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OtlpReceiver, startOtlpReceiver } from "../../../test/harness/otlp-receiver.ts";
import { readEnvironment } from "../settings/read-environment.ts";
import type { Environment } from "../settings/setting.ts";
import { startTelemetry, type Telemetry } from "../telemetry/start-telemetry.ts";
import { resolveMetricsExportUrl, telemetrySettings } from "../telemetry/telemetry-settings.ts";

const read = (environment: Environment) => readEnvironment(environment, telemetrySettings);
const description = { name: "spillway.tests", unit: "{test}", description: "Tests." };

describe("the export of metrics", () => {
  let receiver: OtlpReceiver;
  let telemetry: Telemetry | undefined;
  const warnings: string[] = [];

  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    warnings.length = 0;
  });
  afterEach(async () => {
    await telemetry?.shutdown();
    telemetry = undefined;
    await receiver.close();
  });

  function start(environment: Environment): Telemetry {
    const warn = (_fields: object, message: string) => void warnings.push(message);
    const logger = { debug() {}, info() {}, warn, error() {} };
    telemetry = startTelemetry({ serviceName: "spillway", serviceVersion: "1", settings: read(environment), logger });
    return telemetry;
  }

  it("sends counters, gauges and histograms as they are", async () => {
    const { metrics, flush } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint });
    metrics.counter(description).cell({ "error.type": "timeout" }).add(3);
    metrics.observe("gauge", { ...description, name: "spillway.now" }, () => [{ labels: {}, value: 1.5 }]);
    const cell = metrics.histogram({ ...description, name: "spillway.time", unit: "s" }, [1, 2]).cell({ of: "x" });
    for (const value of [0.5, 1.5, 1.75, 9]) {
      cell.record(value);
    }
    await flush();
    expect(receiver.metricExports[0]?.filter(({ name }) => name.startsWith("spillway"))).toEqual([
      { name: "spillway.tests", unit: "{test}", kind: "sum", labels: { "error.type": "timeout" }, value: 3 },
      { name: "spillway.now", unit: "{test}", kind: "gauge", labels: {}, value: 1.5 },
      {
        name: "spillway.time",
        unit: "s",
        kind: "histogram",
        labels: { of: "x" },
        histogram: { count: 4, sum: 12.75, bounds: [1, 2], counts: [1, 2, 1] },
      },
    ]);
    expect(receiver.metricExports[0]?.map(({ name }) => name)).toContain("process.memory.usage");
  });

  it("comes at every interval and once more at shutdown, with totals since the start", async () => {
    const { metrics, shutdown } = start({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.endpoint}/v1/metrics`,
      OTEL_METRIC_EXPORT_INTERVAL: "20",
    });
    const cell = metrics.counter(description).cell({});
    cell.add();
    const sent = () => receiver.metricExports.map((all) => all.find(({ name }) => name === description.name)?.value);
    await expect.poll(() => sent().length).toBeGreaterThanOrEqual(2);
    cell.add();
    await shutdown();
    telemetry = undefined;
    expect(sent()[0]).toBe(1);
    expect(sent().at(-1)).toBe(2);
    expect(receiver.spans).toEqual([]);
  });

  it("is told when it fails, and counting goes on", async () => {
    const { metrics, flush } = start({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.endpoint}/elsewhere`,
      OTEL_METRIC_EXPORT_INTERVAL: "60000",
    });
    metrics.counter(description).cell({}).add();
    await flush();
    expect(warnings).toEqual(["spans or metrics could not be exported"]);
    expect(metrics.collect().find(({ name }) => name === description.name)?.points).toHaveLength(1);
  });
});

it.each<[Environment, string | undefined]>([
  [{}, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/" }, "http://c:4318/v1/metrics"],
  [{ OTEL_METRICS_EXPORTER: "otlp" }, "http://localhost:4318/v1/metrics"],
  [{ OTEL_METRICS_EXPORTER: "none", OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" }, undefined],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c:4318/v1/traces" }, undefined],
  [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://m:4318/in" }, "http://m:4318/in"],
])("metrics of %j go to %s", (environment, url) => {
  expect(resolveMetricsExportUrl(read(environment))).toBe(url);
});
