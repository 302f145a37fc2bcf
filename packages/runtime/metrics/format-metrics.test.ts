import { expect, it } from "vitest";
import { formatMetrics } from "./format-metrics.ts";
import { MetricRegistry } from "./metric-registry.ts";
import { addProcessMetrics } from "./process-metrics.ts";

it("writes Prometheus text: names with units, cumulative buckets, labels quoted", () => {
  const metrics = new MetricRegistry();
  const duration = { name: "spillway.request.duration", unit: "s", description: "Duration." };
  const histogram = metrics.histogram(duration, [0.1, 1]).cell({ "spillway.endpoint.name": 'a"b\\c\nd' });
  for (const seconds of [0.05, 0.5, 0.25, 7]) {
    histogram.record(seconds);
  }
  metrics.counter({ name: "spillway.fallbacks", unit: "{fallback}", description: "Moves." }).cell({}).add(3);
  metrics.observe("gauge", { name: "spillway.config.age", unit: "s", description: "Age." }, () => [
    { labels: {}, value: 1.5 },
  ]);
  expect(formatMetrics(metrics)).toBe(
    [
      "# HELP spillway_request_duration_seconds Duration.",
      "# TYPE spillway_request_duration_seconds histogram",
      String.raw`spillway_request_duration_seconds_bucket{spillway_endpoint_name="a\"b\\c\nd",le="0.1"} 1`,
      String.raw`spillway_request_duration_seconds_bucket{spillway_endpoint_name="a\"b\\c\nd",le="1"} 3`,
      String.raw`spillway_request_duration_seconds_bucket{spillway_endpoint_name="a\"b\\c\nd",le="+Inf"} 4`,
      String.raw`spillway_request_duration_seconds_sum{spillway_endpoint_name="a\"b\\c\nd"} 7.8`,
      String.raw`spillway_request_duration_seconds_count{spillway_endpoint_name="a\"b\\c\nd"} 4`,
      "# HELP spillway_fallbacks_total Moves.",
      "# TYPE spillway_fallbacks_total counter",
      "spillway_fallbacks_total 3",
      "# HELP spillway_config_age_seconds Age.",
      "# TYPE spillway_config_age_seconds gauge",
      "spillway_config_age_seconds 1.5",
      "",
    ].join("\n"),
  );
});

it("tells of the process by the names that Prometheus clients use", () => {
  const metrics = new MetricRegistry();
  addProcessMetrics(metrics);
  const text = formatMetrics(metrics);
  for (const line of text.trimEnd().split("\n")) {
    expect(line).toMatch(/^(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+ [0-9.e+-]+)$/);
  }
  expect(text).toMatch(/\nprocess_cpu_seconds_total \d/);
  expect(text).toMatch(/\nprocess_resident_memory_bytes \d{7,}\n/);
  expect(Number(/\nprocess_start_time_seconds ([\d.]+)/.exec(text)?.[1])).toBeGreaterThan(1.7e9);
});
