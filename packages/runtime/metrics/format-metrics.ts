import type { HistogramCell, Labels } from "./metric-cells.ts";
import type { CollectedMetric, MetricDescription, MetricRegistry } from "./metric-registry.ts";

/** Media type of what `formatMetrics` returns. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

const unitSuffixes: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };

/** Everything that a registry holds, as Prometheus text. */
export function formatMetrics(metrics: MetricRegistry): string {
  return metrics.collect().map(formatMetric).join("");
}

/** The name of a metric in Prometheus text: `spillway.config.age` in `s` is `spillway_config_age_seconds`. */
function toPrometheusName(kind: CollectedMetric["kind"], description: MetricDescription): string {
  const { name, unit, prometheusName } = description;
  if (prometheusName !== undefined) {
    return prometheusName;
  }
  return `${toName(name)}${unitSuffixes[unit] ?? ""}${kind === "counter" ? "_total" : ""}`;
}

function formatMetric(metric: CollectedMetric): string {
  const { kind, description } = metric;
  const name = toPrometheusName(kind, metric);
  const lines = [`# HELP ${name} ${description}`, `# TYPE ${name} ${kind}`];
  if (metric.kind === "histogram") {
    for (const cell of metric.points) {
      lines.push(...formatHistogram(name, cell));
    }
  } else {
    for (const { labels, value } of metric.points) {
      lines.push(`${name}${formatLabels(labels)} ${value}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function formatHistogram(name: string, { labels, bounds, counts, sum, count }: HistogramCell): string[] {
  let total = 0;
  const buckets = bounds.map((bound, index) => {
    total += counts[index] ?? 0;
    return `${name}_bucket${formatLabels({ ...labels, le: String(bound) })} ${total}`;
  });
  return [
    ...buckets,
    `${name}_bucket${formatLabels({ ...labels, le: "+Inf" })} ${count}`,
    `${name}_sum${formatLabels(labels)} ${sum}`,
    `${name}_count${formatLabels(labels)} ${count}`,
  ];
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${toName(name)}="${quote(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function toName(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, "_");
}

function quote(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
