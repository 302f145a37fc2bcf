import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";
import type { SettingValues } from "../settings/read-environment.ts";
import {
  booleanSetting,
  choiceSetting,
  integerSetting,
  parsedSetting,
  type Setting,
  textSetting,
} from "../settings/setting.ts";

const longestMs = 2 ** 31 - 1;

const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/**
 * The standard `OTEL_*` variables that the SDK does not read by itself. `OTEL_EXPORTER_OTLP_HEADERS`, `_TIMEOUT`,
 * `_COMPRESSION` and `_CERTIFICATE` are read by the exporter.
 */
export const telemetrySettings = {
  telemetryIsDisabled: booleanSetting({
    variable: "OTEL_SDK_DISABLED",
    description: "Switches tracing and the export of metrics off",
    absent: false,
  }),
  tracesExporter: choiceSetting({
    variable: "OTEL_TRACES_EXPORTER",
    description: "Where spans go; `otlp` sends to localhost:4318 even where no endpoint is set",
    choices: ["auto", "otlp", "none"],
    absent: "auto",
    defaultText: "otlp where an endpoint is set, else none",
  }),
  metricsExporter: choiceSetting({
    variable: "OTEL_METRICS_EXPORTER",
    description: "Where metrics go besides /metrics; `otlp` sends to localhost:4318 even where no endpoint is set",
    choices: ["auto", "otlp", "none"],
    absent: "auto",
    defaultText: "otlp where an endpoint is set, else none",
  }),
  otlpEndpoint: urlSetting("OTEL_EXPORTER_OTLP_ENDPOINT", "OTLP endpoint (http/protobuf), e.g. http://localhost:4318"),
  otlpTracesEndpoint: urlSetting("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTLP endpoint for spans alone, with its path"),
  otlpMetricsEndpoint: urlSetting(
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTLP endpoint for metrics alone, with its path",
  ),
  otlpProtocol: choiceSetting({
    variable: "OTEL_EXPORTER_OTLP_PROTOCOL",
    description: "Protocol of the OTLP endpoint",
    choices: ["http/protobuf"],
    absent: "http/protobuf",
  }),
  telemetryServiceName: textSetting({
    variable: "OTEL_SERVICE_NAME",
    description: "`service.name` of every span",
    absent: undefined,
    defaultText: "the name of the service",
  }),
  resourceAttributes: parsedSetting({
    variable: "OTEL_RESOURCE_ATTRIBUTES",
    description: "Attributes of this process, `key=value` joined by commas",
    form: "`key=value` pairs joined by commas, with , = and % percent-encoded",
    absent: {},
    defaultText: "none",
    parse: parsePairs,
  }),
  tracesSampler: choiceSetting({
    variable: "OTEL_TRACES_SAMPLER",
    description: "Which requests are traced",
    choices: samplerNames,
    absent: "parentbased_always_on",
  }),
  tracedShare: parsedSetting({
    variable: "OTEL_TRACES_SAMPLER_ARG",
    description: "Share of requests that the `traceidratio` samplers trace",
    form: "a number from 0 to 1",
    absent: 1,
    parse: parseRatio,
  }),
  spanExportDelayMs: batchSetting("OTEL_BSP_SCHEDULE_DELAY", "Milliseconds between two exports", [0, 5000, longestMs]),
  spanExportTimeoutMs: batchSetting("OTEL_BSP_EXPORT_TIMEOUT", "Milliseconds that an export may take", [
    1,
    30_000,
    longestMs,
  ]),
  metricExportIntervalMs: batchSetting("OTEL_METRIC_EXPORT_INTERVAL", "Milliseconds between two exports of metrics", [
    1,
    60_000,
    longestMs,
  ]),
  metricExportTimeoutMs: batchSetting("OTEL_METRIC_EXPORT_TIMEOUT", "Milliseconds that an export of metrics may take", [
    1,
    30_000,
    longestMs,
  ]),
  mostHeldSpans: batchSetting("OTEL_BSP_MAX_QUEUE_SIZE", "Spans held at most; more are dropped", [1, 2048, 1_000_000]),
  mostSpansInExport: batchSetting("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "Spans in one export", [1, 512, 1_000_000]),
} satisfies Readonly<Record<string, Setting<unknown>>>;

/** Values of the `OTEL_*` variables. */
export type TelemetrySettings = SettingValues<typeof telemetrySettings>;

/** URL that spans are sent to; undefined when they are not. */
export function resolveExportUrl(settings: TelemetrySettings): string | undefined {
  const { tracesExporter, otlpTracesEndpoint } = settings;
  return resolveUrl(settings, { exporter: tracesExporter, own: otlpTracesEndpoint, path: "/v1/traces" });
}

/** URL that metrics are sent to; undefined when they are not. */
export function resolveMetricsExportUrl(settings: TelemetrySettings): string | undefined {
  const { metricsExporter, otlpMetricsEndpoint } = settings;
  return resolveUrl(settings, { exporter: metricsExporter, own: otlpMetricsEndpoint, path: "/v1/metrics" });
}

function resolveUrl(
  { otlpEndpoint }: TelemetrySettings,
  { exporter, own, path }: { readonly exporter: string; readonly own: string | undefined; readonly path: string },
): string | undefined {
  if (exporter === "none") {
    return undefined;
  }
  if (own !== undefined) {
    return own;
  }
  const endpoint = otlpEndpoint ?? (exporter === "otlp" ? "http://localhost:4318" : undefined);
  return endpoint === undefined ? undefined : `${endpoint.replace(/\/+$/, "")}${path}`;
}

/** The sampler that the variables describe. */
export function resolveSampler({ tracesSampler, tracedShare }: TelemetrySettings): Sampler {
  switch (tracesSampler) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(tracedShare);
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(tracedShare) });
  }
}

function urlSetting(variable: string, description: string): Setting<string | undefined> {
  return parsedSetting<string | undefined>({
    variable,
    description,
    form: "a URL that begins with http:// or https://",
    absent: undefined,
    parse: (text) => {
      if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
        throw new Error("is of another form");
      }
      return text;
    },
  });
}

function batchSetting(
  variable: string,
  description: string,
  [least, absent, most]: readonly [number, number, number],
): Setting<number> {
  return integerSetting({ variable, description, least, absent, most });
}

function parseRatio(text: string): number {
  const ratio = Number(text);
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new Error("is out of range or no number");
  }
  return ratio;
}

function parsePairs(text: string): Readonly<Record<string, string>> {
  const pairs: Record<string, string> = {};
  for (const entry of text.split(",")) {
    if (entry.trim() === "") {
      continue;
    }
    const [key, value, ...rest] = entry.split("=").map((part) => decodeURIComponent(part.trim()));
    if (!key || value === undefined || rest.length > 0) {
      throw new Error("has an entry of another form");
    }
    pairs[key] = value;
  }
  return pairs;
}
