import { randomUUID } from "node:crypto";
import { ProxyTracerProvider, type Tracer } from "@opentelemetry/api";
import { setGlobalErrorHandler } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";
import type { Logger } from "../log/logger.ts";
import { type MetricExport, startMetricExport } from "../metrics/metric-export.ts";
import { MetricRegistry } from "../metrics/metric-registry.ts";
import { addProcessMetrics } from "../metrics/process-metrics.ts";
import {
  resolveExportUrl,
  resolveMetricsExportUrl,
  resolveSampler,
  type TelemetrySettings,
} from "./telemetry-settings.ts";

/** What telemetry is set up from. */
export interface TelemetryOptions {
  /** `service.name` where neither `OTEL_SERVICE_NAME` nor `OTEL_RESOURCE_ATTRIBUTES` gives one. */
  readonly serviceName: string;
  readonly serviceVersion: string;
  readonly settings: TelemetrySettings;
  /** Hears of failed exports, at most once in 30 seconds. */
  readonly logger: Logger;
  /** Sees all sampled spans besides the exporter, e.g. a printer. */
  readonly spanProcessor?: SpanProcessor;
}

/** Tracing and metrics of this process. */
export interface Telemetry {
  /** Where spans are sent; undefined when they are not. */
  readonly exportUrl: string | undefined;
  /** What the process counts; those of the process itself are in it. They are counted whether or not they are sent. */
  readonly metrics: MetricRegistry;
  /** A tracer; where nobody would see its spans, one that records nothing and only passes contexts on. */
  tracer(name: string): Tracer;
  /** Sends what is held now. Rejects if it cannot be sent. */
  flush(): Promise<void>;
  /** Sends what is still held, for at most a second, and ends. Never rejects. */
  shutdown(): Promise<void>;
}

const quietMs = 30_000;
// With the default time for requests under way, less than the 10 s that `docker stop` waits before it kills.
const longestFarewellMs = 1000;

interface Tracing {
  tracer(name: string): Tracer;
  flush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Sets telemetry up by hand: no global is registered, so contexts are passed explicitly. */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { settings, logger } = options;
  const metrics = new MetricRegistry();
  addProcessMetrics(metrics);
  const exportUrl = settings.telemetryIsDisabled ? undefined : resolveExportUrl(settings);
  const metricsUrl = settings.telemetryIsDisabled ? undefined : resolveMetricsExportUrl(settings);
  const resource = describeProcess(options);
  const tracing = startTracing(options, { exportUrl, resource });
  const metricExport = metricsUrl === undefined ? undefined : exportMetrics(options, { metricsUrl, metrics, resource });
  if (exportUrl !== undefined || metricsUrl !== undefined) {
    reportExportErrors(logger, { exportUrl, metricsUrl });
  }
  const lost = (what: string, url: string | undefined) => (error: unknown) => {
    logger.warn({ error, exportUrl: url }, `${what} were lost at shutdown`);
  };
  return {
    exportUrl,
    metrics,
    tracer: tracing.tracer,
    flush: async () => void (await Promise.all([tracing.flush(), metricExport?.flush()])),
    shutdown: async () =>
      void (await Promise.all([
        inTime(tracing.shutdown()).catch(lost("spans", exportUrl)),
        inTime(metricExport?.shutdown()).catch(lost("metrics", metricsUrl)),
      ])),
  };
}

/** Rejects when what is sent at the end takes too long: exporters would try for much longer to reach a collector that is away. */
async function inTime(sending: Promise<void> | undefined): Promise<void> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not sent in ${longestFarewellMs} ms`)), longestFarewellMs);
  await Promise.race([sending, tooLate]).finally(() => clearTimeout(timer));
}

function startTracing(
  options: TelemetryOptions,
  { exportUrl, resource }: { readonly exportUrl: string | undefined; readonly resource: Resource },
): Tracing {
  const { settings, spanProcessor } = options;
  const processors: SpanProcessor[] = [];
  if (exportUrl !== undefined) {
    processors.push(createBatchProcessor(exportUrl, settings));
  }
  if (spanProcessor !== undefined && !settings.telemetryIsDisabled) {
    processors.push(spanProcessor);
  }
  if (processors.length === 0) {
    return silentTracing();
  }
  const provider = new TracerProvider({ resource, sampler: resolveSampler(settings), spanProcessors: processors });
  return {
    tracer: (name) => provider.getTracer(name, options.serviceVersion),
    flush: () => provider.forceFlush(),
    shutdown: () => provider.shutdown(),
  };
}

function silentTracing(): Tracing {
  const provider = new ProxyTracerProvider();
  return {
    tracer: (name) => provider.getTracer(name),
    flush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}

function exportMetrics(
  { settings, serviceVersion }: TelemetryOptions,
  of: { readonly metricsUrl: string; readonly metrics: MetricRegistry; readonly resource: Resource },
): MetricExport {
  return startMetricExport({
    metrics: of.metrics,
    url: of.metricsUrl,
    intervalMs: settings.metricExportIntervalMs,
    timeoutMs: settings.metricExportTimeoutMs,
    resource: of.resource,
    version: serviceVersion,
  });
}

function createBatchProcessor(url: string, settings: TelemetrySettings): SpanProcessor {
  return new BatchSpanProcessor({
    exporter: new OTLPTraceExporter({ url }),
    scheduledDelayMillis: settings.spanExportDelayMs,
    exportTimeoutMillis: settings.spanExportTimeoutMs,
    maxQueueSize: settings.mostHeldSpans,
    maxExportBatchSize: Math.min(settings.mostSpansInExport, settings.mostHeldSpans),
  });
}

function describeProcess({ serviceName, serviceVersion, settings }: TelemetryOptions): Resource {
  return defaultResource().merge(
    resourceFromAttributes({
      [ATTR_SERVICE_NAME]: serviceName,
      [ATTR_SERVICE_VERSION]: serviceVersion,
      "service.instance.id": randomUUID(),
      ...settings.resourceAttributes,
      ...(settings.telemetryServiceName === undefined ? {} : { [ATTR_SERVICE_NAME]: settings.telemetryServiceName }),
    }),
  );
}

function reportExportErrors(
  logger: Logger,
  urls: { readonly exportUrl: string | undefined; readonly metricsUrl: string | undefined },
): void {
  let quietUntil = 0;
  setGlobalErrorHandler((error) => {
    if (Date.now() < quietUntil) {
      return;
    }
    quietUntil = Date.now() + quietMs;
    logger.warn({ error, ...urls }, "spans or metrics could not be exported");
  });
}
