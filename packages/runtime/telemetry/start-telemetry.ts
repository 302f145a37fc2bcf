import { randomUUID } from "node:crypto";
import { ProxyTracerProvider, type Tracer } from "@opentelemetry/api";
import { setGlobalErrorHandler } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";
import type { Logger } from "../log/logger.ts";
import { resolveExportUrl, resolveSampler, type TelemetrySettings } from "./telemetry-settings.ts";

/** What tracing is set up from. */
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

/** Tracing of this process. */
export interface Telemetry {
  /** Where spans are sent; undefined when they are not. */
  readonly exportUrl: string | undefined;
  /** A tracer; where nobody would see its spans, one that records nothing and only passes contexts on. */
  tracer(name: string): Tracer;
  /** Sends what is held now. Rejects if it cannot be sent. */
  flush(): Promise<void>;
  /** Sends what is still held and ends. Never rejects; bounded by the export timeout. */
  shutdown(): Promise<void>;
}

const quietMs = 30_000;

/** Sets tracing up by hand: no global is registered, so contexts are passed explicitly. */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { settings, spanProcessor } = options;
  const exportUrl = settings.tracingIsDisabled ? undefined : resolveExportUrl(settings);
  const processors: SpanProcessor[] = [];
  if (exportUrl !== undefined) processors.push(createBatchProcessor(exportUrl, settings));
  if (spanProcessor !== undefined && !settings.tracingIsDisabled) processors.push(spanProcessor);
  if (processors.length === 0) return silentTelemetry();

  reportExportErrors(options.logger, exportUrl);
  const provider = new TracerProvider({
    resource: describeProcess(options),
    sampler: resolveSampler(settings),
    spanProcessors: processors,
  });
  return {
    exportUrl,
    tracer: (name) => provider.getTracer(name, options.serviceVersion),
    flush: () => provider.forceFlush(),
    shutdown: () =>
      provider.shutdown().catch((error: unknown) => {
        options.logger.warn({ error, exportUrl }, "spans were lost at shutdown");
      }),
  };
}

function silentTelemetry(): Telemetry {
  const provider = new ProxyTracerProvider();
  return {
    exportUrl: undefined,
    tracer: (name) => provider.getTracer(name),
    flush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
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

function reportExportErrors(logger: Logger, exportUrl: string | undefined): void {
  let quietUntil = 0;
  setGlobalErrorHandler((error) => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + quietMs;
    logger.warn({ error, exportUrl }, "spans could not be exported and were dropped");
  });
}
