import { type Attributes, ROOT_CONTEXT, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { describe, expect, it } from "vitest";
import { SpanTreePrinter } from "./span-tree-printer.ts";

function createPrinter({ colours = false, lateSpansMs = 250 } = {}) {
  const printed: string[] = [];
  const printer = new SpanTreePrinter({ write: (text) => printed.push(text), colours, lateSpansMs });
  const provider = new TracerProvider({ spanProcessors: [printer] });
  return { printed, printer, tracer: provider.getTracer("test") };
}

interface DrawnSpan {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly attributes?: Attributes;
  readonly isError?: boolean;
  readonly events?: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly children?: readonly DrawnSpan[];
}

// Midnight of some day, so that times in a test are small numbers of milliseconds.
const epochMs = Date.UTC(2026, 10, 1);

function play(tracer: Tracer, drawn: DrawnSpan, context = ROOT_CONTEXT): void {
  const options = { attributes: drawn.attributes ?? {}, startTime: epochMs + drawn.from };
  const span = tracer.startSpan(drawn.name, options, context);
  for (const event of drawn.events ?? []) {
    span.addEvent(event.name, event.attributes);
  }
  for (const child of drawn.children ?? []) {
    play(tracer, child, trace.setSpan(context, span));
  }
  if (drawn.isError === true) {
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(epochMs + drawn.to);
}

const attempt = (number: number, model: string, rest: Attributes): Attributes => ({
  "spillway.attempt.number": number,
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": model,
  ...rest,
});

const fellBack: DrawnSpan = {
  name: "POST /v1/chat/completions",
  from: 0,
  to: 260,
  attributes: { "http.response.status_code": 200 },
  children: [
    {
      name: "chat demo",
      from: 1,
      to: 259,
      attributes: {
        "spillway.attempts": 3,
        "spillway.fallback.used": true,
        "spillway.served.target": "openai/small",
        "spillway.outcome": "served",
      },
      children: [
        {
          name: "resolve_chain",
          from: 1,
          to: 1.2,
          attributes: { "spillway.config.revision": 7, "spillway.chain.targets": ["openai/big", "openai/small"] },
          events: [{ name: "target_skipped", attributes: { "spillway.target.id": "m-1", reason: "cooling" } }],
        },
        {
          name: "chat big",
          from: 2,
          to: 4,
          isError: true,
          attributes: attempt(1, "big", {
            "spillway.target.role": "PRIMARY",
            "error.type": "503",
            "spillway.attempt.failure_class": "PROVIDER_OVERLOADED",
            "spillway.attempt.decision": "retry",
          }),
        },
        {
          name: "chat big",
          from: 204,
          to: 205,
          isError: true,
          attributes: attempt(2, "big", {
            "spillway.target.role": "PRIMARY",
            "spillway.attempt.retry": true,
            "error.type": "timeout",
            "spillway.attempt.failure_class": "PROVIDER_TIMEOUT_CONNECT",
            "spillway.attempt.decision": "next",
          }),
        },
        {
          name: "chat small",
          from: 205,
          to: 258,
          attributes: attempt(3, "small", {
            "spillway.target.role": "FALLBACK",
            "spillway.attempt.fallback_index": 1,
            "spillway.attempt.decision": "served",
            "gen_ai.response.time_to_first_chunk": 0.0031,
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.output_tokens": 12,
          }),
        },
      ],
    },
  ],
};

describe("span tree printer", () => {
  it("prints a request that fell back as one aligned tree", () => {
    const { printed, tracer } = createPrinter();
    play(tracer, fellBack);
    expect(printed).toHaveLength(1);
    expect(printed[0]?.replace(/trace \w{32}/, "trace …")).toMatchInlineSnapshot(`
      "
      POST /v1/chat/completions             260 ms  200
      └ chat demo                           258 ms  openai/small served, 3 attempts, fell back
        ├ resolve_chain                     0.2 ms  openai/big → openai/small · revision 7
        │   target skipped: m-1 · cooling
        ├ ✗ 1 openai/big    primary         2.0 ms  503 PROVIDER_OVERLOADED → retry
        │   backoff                         200 ms
        ├ ✗ 2 openai/big    primary, retry  1.0 ms  PROVIDER_TIMEOUT_CONNECT → next
        └ ✓ 3 openai/small  fallback 1       53 ms  served · first token 3.1 ms · 9 tokens in, 12 out
      trace …
      "
    `);
  });

  it("uses colours only when told to", () => {
    const [plain, coloured] = [createPrinter(), createPrinter({ colours: true })];
    play(plain.tracer, fellBack);
    play(coloured.tracer, fellBack);
    expect(plain.printed[0]).not.toContain("\u001b");
    expect(coloured.printed[0]).toContain("\u001b[31m✗ 1 openai/big");
    expect(coloured.printed[0]).toContain("\u001b[32m✓ 3 openai/small");
  });

  it("marks any other span that failed", () => {
    const { printed, tracer } = createPrinter();
    play(tracer, {
      name: "GET /v1/models",
      from: 0,
      to: 1,
      isError: true,
      attributes: { "http.response.status_code": 503 },
    });
    expect(printed[0]).toContain("✗ GET /v1/models  1.0 ms  503");
  });

  it("keeps two requests of one trace apart", () => {
    const { printed, tracer } = createPrinter();
    const remote = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1, isRemote: true };
    const context = trace.setSpanContext(ROOT_CONTEXT, remote);
    const [one, two] = [tracer.startSpan("one", {}, context), tracer.startSpan("two", {}, context)];
    one.end();
    expect(printed).toHaveLength(1);
    two.end();
    expect(printed[1]).toContain("two");
    expect(printed[1]).not.toContain("one");
  });

  it("says of a request that nobody served how it ended", () => {
    const { printed, tracer } = createPrinter();
    play(tracer, {
      name: "chat demo",
      from: 0,
      to: 12_340,
      isError: true,
      attributes: { "spillway.attempts": 1, "spillway.outcome": "exhausted" },
    });
    expect(printed[0]).toContain("✗ chat demo  12.3 s  exhausted · 1 attempt\n");
  });

  it("prints at the end what still waits for late spans, once, and no request that is under way", async () => {
    const { printed, printer, tracer } = createPrinter({ lateSpansMs: 60_000 });
    const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
    const late = tracer.startSpan("late", {}, trace.setSpan(ROOT_CONTEXT, root));
    tracer.startSpan("under way", {}, ROOT_CONTEXT);
    await printer.forceFlush();
    expect(printed).toEqual([]);
    root.end();
    await printer.shutdown();
    expect(printed).toHaveLength(1);
    expect(printed[0]).toContain("root");
    late.end();
    await printer.forceFlush();
    expect(printed).toHaveLength(1);
  });

  it("leaves out what begins under a request that was printed", () => {
    const { printed, tracer } = createPrinter();
    const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
    root.end();
    tracer.startSpan("afterwards", {}, trace.setSpan(ROOT_CONTEXT, root)).end();
    expect(printed).toHaveLength(1);
    expect(printed[0]).not.toContain("afterwards");
  });

  it("waits a moment for spans that outlive their root", async () => {
    const { printed, tracer } = createPrinter();
    const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
    const late = tracer.startSpan("late", {}, trace.setSpan(ROOT_CONTEXT, root));
    root.end();
    expect(printed).toHaveLength(0);
    late.end();
    expect(printed[0]).toContain("└ late");
  });

  it("prints without a span that does not end", async () => {
    const { printed, tracer } = createPrinter({ lateSpansMs: 10 });
    const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
    tracer.startSpan("lost", {}, trace.setSpan(ROOT_CONTEXT, root));
    tracer.startSpan("found", {}, trace.setSpan(ROOT_CONTEXT, root)).end();
    root.end();
    await expect.poll(() => printed.length).toBe(1);
    expect(printed[0]).toContain("found");
    expect(printed[0]).not.toContain("lost");
  });

  it("holds a bounded number of spans and of requests", async () => {
    const { printed, tracer } = createPrinter();
    const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
    const context = trace.setSpan(ROOT_CONTEXT, root);
    for (let count = 0; count < 1000; count += 1) {
      tracer.startSpan("child", {}, context).end();
    }
    root.end();
    expect(printed[0]?.split("\n")).toHaveLength(256 + 3);
    expect(printed[0]).toContain("and 745 more spans");

    const roots = Array.from({ length: 1000 }, () => tracer.startSpan("open", {}, ROOT_CONTEXT));
    for (const open of roots) {
      open.end();
    }
    expect(printed).toHaveLength(1 + 512);
  });

  it("lets no name steer the terminal", () => {
    const { printed, tracer } = createPrinter();
    play(tracer, { name: "chat \u001b[2J\u0007evil\n", from: 0, to: 1 });
    expect(printed[0]).toContain("chat �[2J�evil�");
  });
});
