import { type Attributes, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { configV1, inferenceV1 } from "#contracts";
import type { Provider } from "#providers";
import type { CallContext, RpcError, Service } from "#rpc";
import { MetricRegistry } from "#runtime";
import { systemClock } from "../clock.ts";
import { Gate } from "../gate/gate.ts";
import { ActiveCalls } from "../inference/active-calls.ts";
import type { InferenceHost } from "../inference/inference-host.ts";
import { createInferenceService } from "../inference/inference-service.ts";
import { HeldConfig } from "../snapshot/held-config.ts";
import { OpenedSecrets } from "../snapshot/opened-secrets.ts";
import { RequestMetrics } from "../telemetry/request-metrics.ts";
import { type EndpointSketch, toEndpoint } from "./config-messages.ts";
import type { FakeTransport } from "./fake-transport.ts";
import { testKeyEncryptionKey } from "./seal-test-secret.ts";
import { createTestCompileHost } from "./test-compile-host.ts";

/** What a test may set besides its endpoints. */
export interface TestRoutingOptions {
  readonly transport: FakeTransport;
  readonly endpoints: readonly EndpointSketch[];
  readonly secrets?: readonly configV1.SealedSecret[];
  readonly keys?: readonly configV1.ApiKey[];
  readonly isOpen?: boolean;
  /** Stands in for the fake provider. */
  readonly provider?: Provider;
  readonly logsEveryRequest?: boolean;
  /** Default: always 0.5. */
  readonly random?: () => number;
}

/** How a test asks for a stream. */
export interface StreamContext extends CallContext {
  readonly headers?: Record<string, string>;
  /** Further members of the body. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** A stream as its reader saw it. */
export interface SeenStream {
  head: inferenceV1.StreamHead | undefined;
  text: string;
  finalTrail: inferenceV1.RouteTrail | undefined;
  error: RpcError | undefined;
  messages: number;
}

/** One span, as tests look at it. */
export interface SeenSpan {
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly attributes: Attributes;
  readonly parentSpanId: string | undefined;
  readonly spanId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes | undefined }[];
}

/** The engine and everything above it over a fake provider, with its spans and log lines at hand. */
export class TestRouting {
  readonly host: InferenceHost;
  readonly inference: Service<inferenceV1.InferenceServiceDefinition>;
  readonly logged: { readonly level: string; readonly fields: object; readonly message: string }[] = [];
  readonly metrics = new MetricRegistry();
  readonly #exporter = new InMemorySpanExporter();

  constructor(options: TestRoutingOptions) {
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: this.#exporter })] });
    const held = HeldConfig.fromSnapshot(
      7n,
      {
        endpoints: options.endpoints.map(toEndpoint),
        secrets: [...(options.secrets ?? [])],
        apiKeys: [...(options.keys ?? [])],
      },
      createTestCompileHost({ provider: options.provider }),
    );
    const log = (level: string) => (fields: object, message: string) =>
      void this.logged.push({ level, fields, message });
    const logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
    this.host = {
      intake: {
        engine: {
          clock: systemClock,
          random: options.random ?? (() => 0.5),
          transports: { http: options.transport, local: options.transport },
          secrets: new OpenedSecrets(testKeyEncryptionKey),
          logger,
        },
        gate: new Gate(options.isOpen ?? true),
        tracer: provider.getTracer("test") as Tracer,
        currentSnapshot: () => held.snapshot,
      },
      activeCalls: new ActiveCalls(),
      requestLog: {
        logger,
        metrics: new RequestMetrics(this.metrics),
        logsEveryRequest: options.logsEveryRequest ?? false,
      },
    };
    this.inference = createInferenceService(this.host);
  }

  /** Asks an endpoint in one piece. */
  invoke(context: CallContext & { readonly headers?: Record<string, string> } = {}, endpoint = "chat") {
    const body = chatBody({ model: endpoint });
    const { headers = {} } = context;
    return this.inference.invoke({ endpoint, dialect: inferenceV1.Dialect.OPENAI_CHAT, body, headers }, context);
  }

  /** Asks an endpoint for a stream and reads it to its end. */
  async readStream(context: StreamContext = {}): Promise<SeenStream> {
    const seen: SeenStream = { head: undefined, text: "", finalTrail: undefined, error: undefined, messages: 0 };
    try {
      for await (const { event } of this.stream(context)) {
        seen.messages += 1;
        if (event?.$case === "head") {
          seen.head = event.value;
        }
        if (event?.$case === "data") {
          seen.text += event.value.toString();
        }
        if (event?.$case === "finalTrail") {
          seen.finalTrail = event.value;
        }
      }
    } catch (thrown) {
      seen.error = thrown as RpcError;
    }
    return seen;
  }

  /** Asks an endpoint for a stream. */
  stream(context: StreamContext = {}): AsyncIterable<inferenceV1.StreamInvokeResponse> {
    const { headers = {}, members } = context;
    const body = chatBody({ stream: true, ...members });
    return this.inference.streamInvoke(
      { endpoint: "chat", dialect: inferenceV1.Dialect.OPENAI_CHAT, body, headers },
      context,
    );
  }

  /** Every span that has ended, in that order. */
  get spans(): SeenSpan[] {
    return this.#exporter.getFinishedSpans().map(toSeenSpan);
  }

  /** The spans of attempts, in the order of their ends. */
  get attemptSpans(): SeenSpan[] {
    return this.spans.filter(({ kind }) => kind === "CLIENT");
  }

  /** The one span of the logical operation. */
  get requestSpan(): SeenSpan | undefined {
    return this.spans.find(({ attributes }) => attributes["spillway.outcome"] !== undefined);
  }
}

/** The bytes of a small chat request. */
export function chatBody(members: Readonly<Record<string, unknown>> = {}): Buffer {
  return Buffer.from(JSON.stringify({ model: "chat", messages: [{ role: "user", content: "hi" }], ...members }));
}

/** A key by its hash, as config sends it. */
export function apiKey(name: string, keyHash: Buffer, endpoints: readonly string[] = []): configV1.ApiKey {
  return { ...configV1.ApiKey.fromPartial({}), keyId: `k-${name}`, name, keyHash, endpoints: [...endpoints] };
}

/** The trail in short: one line for each attempt, without times. */
export function inShort(trail: inferenceV1.RouteTrail | undefined): string[] {
  const decisions = Object.entries(inferenceV1.AttemptDecision);
  return (trail?.attempts ?? []).map(({ index, target, status, decision }) => {
    const name = decisions.find(([, value]) => value === decision)?.[0] ?? "";
    return `${index} ${target} ${status} ${name}`;
  });
}

function toSeenSpan(span: ReadableSpan): SeenSpan {
  const toMs = ([seconds, nanos]: readonly [number, number]) => seconds * 1000 + nanos / 1e6;
  return {
    name: span.name,
    kind: SpanKind[span.kind] ?? "",
    status: SpanStatusCode[span.status.code] ?? "",
    attributes: span.attributes,
    parentSpanId: span.parentSpanContext?.spanId,
    spanId: span.spanContext().spanId,
    startMs: toMs(span.startTime),
    endMs: toMs(span.endTime),
    events: span.events.map(({ name, attributes }) => ({ name, attributes })),
  };
}
