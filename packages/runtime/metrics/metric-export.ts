import { type HrTime, ValueType } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { MetricsExporterMetricsHelper, ProtobufMetricsSerializer } from "@opentelemetry/otlp-transformer";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  type MetricData,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import type { HistogramCell } from "./metric-cells.ts";
import type { CollectedMetric, MetricRegistry } from "./metric-registry.ts";

/** Where metrics are sent and how often. */
export interface MetricExportOptions {
  readonly metrics: MetricRegistry;
  readonly url: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** What the process is. */
  readonly resource: Resource;
  /** Version of the instrumentation scope. */
  readonly version: string;
}

/** Metrics that are sent again and again. */
export interface MetricExport {
  /** Sends them now. Rejects if they cannot be sent. */
  flush(): Promise<void>;
  /** Sends them once more and ends. */
  shutdown(): Promise<void>;
}

/**
 * Sends a registry by OTLP over HTTP with protobuf. The SDK does the collecting at intervals, the sending and the retries; what
 * it sends comes from the registry, since its own instruments cost more than a microsecond a value.
 */
export function startMetricExport(options: MetricExportOptions): MetricExport {
  const { url, intervalMs, resource } = options;
  const http = convertLegacyHttpOptions({ url }, "METRICS", "v1/metrics", { "Content-Type": "application/x-protobuf" });
  const exporter = new OTLPExporterBase<ResourceMetrics>(
    createOtlpHttpExportDelegate(
      http,
      ProtobufMetricsSerializer,
      "otlp_http_metric_exporter",
      MetricsExporterMetricsHelper,
      undefined,
    ),
  );
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(options.timeoutMs, intervalMs),
    metricProducers: [createProducer(options)],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return { flush: () => provider.forceFlush(), shutdown: () => provider.shutdown() };
}

function createProducer({ metrics, resource, version }: MetricExportOptions): MetricProducer {
  const scope = { name: "spillway", version };
  return {
    collect: async () => {
      const now = millisToHrTime(Date.now());
      const scopeMetrics = [{ scope, metrics: metrics.collect().map((metric) => toMetricData(metric, now)) }];
      return { resourceMetrics: { resource, scopeMetrics }, errors: [] };
    },
  };
}

function toMetricData(metric: CollectedMetric, endTime: HrTime): MetricData {
  const { name, unit, description } = metric;
  const shared = {
    descriptor: { name, unit, description, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (metric.kind === "histogram") {
    const dataPoints = metric.points.map((cell) => ({ ...toTimes(cell, endTime), value: toHistogram(cell) }));
    return { ...shared, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = metric.points.map((point) => ({ ...toTimes(point, endTime), value: point.value }));
  return metric.kind === "gauge"
    ? { ...shared, dataPointType: DataPointType.GAUGE, dataPoints }
    : { ...shared, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

function toTimes({ startedAtMs, labels }: Pick<HistogramCell, "startedAtMs" | "labels">, endTime: HrTime) {
  return { startTime: millisToHrTime(startedAtMs), endTime, attributes: labels };
}

function toHistogram({ bounds, counts, sum, count }: HistogramCell) {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}
