import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { type AnyValue, ExportTraceServiceRequest, ExportTraceServiceResponse, type KeyValue } from "#contracts/otlp";
import { decodeOtlpMetrics, type ReceivedMetric } from "./decode-otlp-metrics.ts";

/** Value of an attribute as plain data; integers are numbers. */
export type AttributeValue = string | number | boolean | readonly AttributeValue[] | undefined;

/** Attributes by name. */
export type AttributeValues = Readonly<Record<string, AttributeValue>>;

/** One span as it was sent, as plain data. */
export interface ReceivedSpan {
  readonly name: string;
  /** Hexadecimal, 32 digits. */
  readonly traceId: string;
  /** Hexadecimal, 16 digits. */
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly kind: "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER" | "UNSPECIFIED";
  readonly status: "UNSET" | "OK" | "ERROR";
  readonly statusMessage: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly durationMs: number;
  readonly attributes: AttributeValues;
  readonly events: readonly { readonly name: string; readonly timeNs: bigint; readonly attributes: AttributeValues }[];
  readonly resource: AttributeValues;
}

/** A server that takes OTLP over http/protobuf and keeps the spans and metrics. */
export interface OtlpReceiver {
  /** Value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly endpoint: string;
  /** All spans so far, in the order in which they came. */
  readonly spans: readonly ReceivedSpan[];
  /** The metrics of every export, in the order in which they came. */
  readonly metricExports: readonly (readonly ReceivedMetric[])[];
  /** Headers of the newest request with spans; undefined before the first. */
  readonly lastHeaders: Readonly<Record<string, string | string[] | undefined>> | undefined;
  /** Resolves with all spans once `isEnough` says so of them; rejects after `timeoutMs` and tells what came. */
  waitForSpans(
    isEnough: (spans: readonly ReceivedSpan[]) => boolean,
    timeoutMs?: number,
  ): Promise<readonly ReceivedSpan[]>;
  /** Forgets the spans so far. */
  clear(): void;
  close(): Promise<void>;
}

const spanKinds: readonly ReceivedSpan["kind"][] = [
  "UNSPECIFIED",
  "INTERNAL",
  "SERVER",
  "CLIENT",
  "PRODUCER",
  "CONSUMER",
];
const statusCodes: readonly ReceivedSpan["status"][] = ["UNSET", "OK", "ERROR"];

/** Starts a receiver on a free port of the loopback interface. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  let spans: ReceivedSpan[] = [];
  const metricExports: ReceivedMetric[][] = [];
  let lastHeaders: OtlpReceiver["lastHeaders"];
  const waiters = new Set<() => void>();

  const server = createServer(async (incoming, response) => {
    const body = await readBody(incoming);
    if (incoming.method === "POST" && incoming.url === "/v1/metrics") {
      metricExports.push(decodeOtlpMetrics(body));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
      return;
    }
    lastHeaders = incoming.headers;
    const received = decodeSpans(incoming, body, response);
    if (received === undefined) {
      return;
    }
    spans.push(...received);
    for (const look of waiters) {
      look();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    endpoint: `http://127.0.0.1:${port}`,
    get spans() {
      return spans;
    },
    metricExports,
    get lastHeaders() {
      return lastHeaders;
    },
    waitForSpans(isEnough, timeoutMs = 10_000) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly ReceivedSpan[]>();
      const look = () => {
        if (isEnough(spans)) {
          resolve(spans);
        }
      };
      const timer = setTimeout(() => {
        reject(
          new Error(`the spans did not come within ${timeoutMs} ms; these did: ${spans.map((span) => span.name)}`),
        );
      }, timeoutMs);
      waiters.add(look);
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        waiters.delete(look);
      });
    },
    clear() {
      spans = [];
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  return incoming.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
}

function decodeSpans(incoming: IncomingMessage, body: Buffer, response: ServerResponse): ReceivedSpan[] | undefined {
  if (incoming.method !== "POST" || incoming.url !== "/v1/traces") {
    response.writeHead(404).end();
    return undefined;
  }
  if (incoming.headers["content-type"] !== "application/x-protobuf") {
    response.writeHead(415).end();
    return undefined;
  }
  const answer = ExportTraceServiceResponse.encode({ partialSuccess: undefined }).finish();
  const received = toReceivedSpans(ExportTraceServiceRequest.decode(body));
  response.writeHead(200, { "content-type": "application/x-protobuf" }).end(answer);
  return received;
}

function toReceivedSpans({ resourceSpans }: ExportTraceServiceRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        name: span.name,
        traceId: Buffer.from(span.traceId).toString("hex"),
        spanId: Buffer.from(span.spanId).toString("hex"),
        parentSpanId: Buffer.from(span.parentSpanId).toString("hex"),
        kind: spanKinds[span.kind] ?? "UNSPECIFIED",
        status: statusCodes[span.status?.code ?? 0] ?? "UNSET",
        statusMessage: span.status?.message ?? "",
        startNs: span.startTimeUnixNano,
        endNs: span.endTimeUnixNano,
        durationMs: Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6,
        attributes: toAttributeValues(span.attributes),
        events: span.events.map((event) => ({
          name: event.name,
          timeNs: event.timeUnixNano,
          attributes: toAttributeValues(event.attributes),
        })),
        resource: toAttributeValues(resource?.attributes ?? []),
      })),
    ),
  );
}

function toAttributeValues(attributes: readonly KeyValue[]): AttributeValues {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, toAttributeValue(value)]));
}

function toAttributeValue(value: AnyValue | undefined): AttributeValue {
  switch (value?.value?.$case) {
    case "stringValue":
    case "boolValue":
    case "doubleValue":
      return value.value.value;
    case "intValue":
      return Number(value.value.value);
    case "arrayValue":
      return value.value.value.values.map(toAttributeValue);
    case "bytesValue":
      return value.value.value.toString("hex");
    default:
      return undefined;
  }
}
