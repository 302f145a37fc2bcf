import { ROOT_CONTEXT, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OtlpReceiver, startOtlpReceiver } from "../../../test/harness/otlp-receiver.ts";
import { startSilentListener } from "../../../test/harness/scripted-upstream.ts";
import { createLogger } from "../log/logger.ts";
import { readEnvironment, SettingsError } from "../settings/read-environment.ts";
import type { Environment } from "../settings/setting.ts";
import { SpanTreePrinter } from "./span-tree-printer.ts";
import { startTelemetry, type Telemetry } from "./start-telemetry.ts";
import { resolveExportUrl, resolveSampler, telemetrySettings } from "./telemetry-settings.ts";

const read = (environment: Environment) => readEnvironment(environment, telemetrySettings);

function start(environment: Environment, lines: string[] = [], spanProcessor?: SpanProcessor): Telemetry {
  return startTelemetry({
    ...(spanProcessor === undefined ? {} : { spanProcessor }),
    serviceName: "spillway",
    serviceVersion: "1.2.3",
    settings: read(environment),
    logger: createLogger({ service: "test", sink: { write: (line) => lines.push(line) } }),
  });
}

describe("telemetry with an OTLP endpoint", () => {
  let receiver: OtlpReceiver;
  let telemetry: Telemetry | undefined;
  beforeEach(async () => {
    receiver = await startOtlpReceiver();
  });
  afterEach(async () => {
    await telemetry?.shutdown();
    await receiver.close();
  });

  it("sends spans with parents, attributes, events, status and resource", async () => {
    telemetry = start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,team=a%2Cb",
    });
    const tracer = telemetry.tracer("test");
    const parent = tracer.startSpan("parent", { kind: 1 });
    const child = tracer.startSpan(
      "child",
      { attributes: { "spillway.attempt.number": 2, ratio: 0.5, on: true, names: ["a", "b"] } },
      trace.setSpan(ROOT_CONTEXT, parent),
    );
    child.addEvent("skipped", { reason: "cooling" });
    child.setStatus({ code: SpanStatusCode.ERROR, message: "no" });
    child.end();
    parent.end();
    await telemetry.flush();

    const spans = await receiver.waitForSpans((received) => received.length === 2);
    const [sentChild, sentParent] = [spans[0], spans[1]];
    expect(sentChild).toMatchObject({
      name: "child",
      kind: "INTERNAL",
      parentSpanId: sentParent?.spanId,
      traceId: sentParent?.traceId,
      status: "ERROR",
      statusMessage: "no",
      attributes: { "spillway.attempt.number": 2, ratio: 0.5, on: true, names: ["a", "b"] },
      events: [{ name: "skipped", attributes: { reason: "cooling" } }],
      resource: {
        "service.name": "spillway",
        "service.version": "1.2.3",
        "deployment.environment.name": "test",
        team: "a,b",
        "telemetry.sdk.language": "nodejs",
      },
    });
    expect(sentParent).toMatchObject({ kind: "SERVER", parentSpanId: "", status: "UNSET" });
  });

  it("sends what is held at shutdown", async () => {
    telemetry = start({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.endpoint}/v1/traces` });
    telemetry.tracer("test").startSpan("last").end();
    await telemetry.shutdown();
    expect(receiver.spans.map((span) => span.name)).toEqual(["last"]);
  });

  it("sends by itself after the scheduled delay", async () => {
    telemetry = start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: "20" });
    telemetry.tracer("test").startSpan("soon").end();
    await receiver.waitForSpans((spans) => spans.length === 1, 4000);
  });

  it("prefers OTEL_SERVICE_NAME over OTEL_RESOURCE_ATTRIBUTES over its own name", async () => {
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_RESOURCE_ATTRIBUTES: "service.name=two",
    };
    for (const names of [environment, { ...environment, OTEL_SERVICE_NAME: "one" }]) {
      telemetry = start(names);
      telemetry.tracer("test").startSpan("x").end();
      await telemetry.shutdown();
    }
    expect(receiver.spans.map((span) => span.resource["service.name"])).toEqual(["two", "one"]);
  });

  it("records nothing of a request whose caller did not sample it", async () => {
    telemetry = start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint });
    const remote = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: TraceFlags.NONE, isRemote: true };
    const span = telemetry.tracer("test").startSpan("x", {}, trace.setSpanContext(ROOT_CONTEXT, remote));
    expect(span.isRecording()).toBe(false);
    expect(span.spanContext().traceId).toBe(remote.traceId);
  });

  it("says once, not for every batch, that spans cannot be sent, and shutdown does not reject", async () => {
    const { endpoint } = receiver;
    await receiver.close();
    const lines: string[] = [];
    telemetry = start(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_METRICS_EXPORTER: "none",
        OTEL_BSP_EXPORT_TIMEOUT: "50",
        OTEL_BSP_SCHEDULE_DELAY: "1",
      },
      lines,
    );
    telemetry.tracer("test").startSpan("x").end();
    await expect.poll(() => lines.length).toBe(1);
    telemetry.tracer("test").startSpan("y").end();
    await telemetry.shutdown();
    expect(lines.filter((line) => line.includes("could not be exported"))).toHaveLength(1);
  });
});

it("gives a collector that does not answer a short time at the end", async () => {
  const collector = await startSilentListener();
  const lines: string[] = [];
  const telemetry = start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}` }, lines);
  telemetry.tracer("test").startSpan("x").end();
  await telemetry.shutdown();
  expect(lines.filter((line) => line.includes("not sent in 1000 ms"))).toHaveLength(2);
  await collector.close();
});

describe("telemetry that nobody sees", () => {
  it.each([
    ["no endpoint is set", {}],
    ["OTEL_SDK_DISABLED is true", { OTEL_SDK_DISABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }],
    [
      "OTEL_TRACES_EXPORTER is none",
      { OTEL_TRACES_EXPORTER: "none", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" },
    ],
  ])("records nothing and passes contexts on when %s", async (_when, environment) => {
    const telemetry = start(environment);
    const remote = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: TraceFlags.SAMPLED, isRemote: true };
    const span = telemetry.tracer("test").startSpan("x", {}, trace.setSpanContext(ROOT_CONTEXT, remote));
    expect(telemetry.exportUrl).toBeUndefined();
    expect(span.isRecording()).toBe(false);
    expect(span.spanContext()).toMatchObject({ traceId: remote.traceId, spanId: remote.spanId });
    await telemetry.shutdown();
  });
});

describe("spans that are printed", () => {
  const printTo = (printed: string[]) => new SpanTreePrinter({ write: (text) => printed.push(text), colours: false });

  it("need no endpoint", async () => {
    const printed: string[] = [];
    const telemetry = start({}, [], printTo(printed));
    telemetry.tracer("test").startSpan("shown").end();
    await telemetry.flush();
    await telemetry.shutdown();
    expect(telemetry.exportUrl).toBeUndefined();
    expect(printed).toEqual([expect.stringContaining("shown")]);
  });

  it("are none where OTEL_SDK_DISABLED is true", async () => {
    const printed: string[] = [];
    const telemetry = start({ OTEL_SDK_DISABLED: "true" }, [], printTo(printed));
    telemetry.tracer("test").startSpan("hidden").end();
    await telemetry.flush();
    await telemetry.shutdown();
    expect(printed).toEqual([]);
  });
});

describe("OTEL_* variables", () => {
  it("may have commas to spare between attributes", () => {
    expect(read({ OTEL_RESOURCE_ATTRIBUTES: ",a=1,, b = x%20y ," }).resourceAttributes).toEqual({ a: "1", b: "x y" });
  });

  it.each([
    [{}, undefined],
    [{ OTEL_TRACES_EXPORTER: "otlp" }, "http://localhost:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" }, "http://collector:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://proxy/otlp" }, "http://proxy/otlp/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://a", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://b/t" }, "http://b/t"],
  ])("%o sends spans to %s", (environment, url) => {
    expect(resolveExportUrl(read(environment))).toBe(url);
  });

  it.each([
    [{}, "ParentBased{root=AlwaysOnSampler"],
    [{ OTEL_TRACES_SAMPLER: "always_on" }, "AlwaysOnSampler"],
    [{ OTEL_TRACES_SAMPLER: "always_off" }, "AlwaysOffSampler"],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" }, "TraceIdRatioBased{0.25}"],
    [{ OTEL_TRACES_SAMPLER: "parentbased_always_off" }, "ParentBased{root=AlwaysOffSampler"],
    [
      { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.01" },
      "ParentBased{root=TraceIdRatioBased{0.01}",
    ],
  ])("%o samples by %s", (environment, sampler) => {
    expect(resolveSampler(read(environment)).toString().startsWith(sampler)).toBe(true);
  });

  it("are refused by name, all at once, when they are wrong", () => {
    const environment = {
      OTEL_TRACES_SAMPLER: "jaeger_remote",
      OTEL_TRACES_SAMPLER_ARG: "2",
      OTEL_BSP_MAX_QUEUE_SIZE: "-1",
      OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_RESOURCE_ATTRIBUTES: "novalue",
    };
    let thrown: unknown;
    try {
      read(environment);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SettingsError);
    for (const variable of Object.keys(environment)) {
      expect((thrown as Error).message).toContain(variable);
    }
  });
});
