import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { enumName, errorsV1 } from "#contracts";
import { isBodyFault, scanChatBody } from "#dialects";
import {
  chatCompletion,
  chatStream,
  errorStep,
  htmlStep,
  type ScriptedUpstream,
  scriptedUsage,
  startScriptedUpstream,
} from "../../test/harness/scripted-upstream.ts";
import { createHttpTransport } from "./http/http-transport.ts";
import { createLocalTransport } from "./local/local-transport.ts";
import type { CanonicalEvent, CanonicalResponse, Provider, ProviderFailure } from "./provider.ts";
import { findProvider, listProviders } from "./registry.ts";
import type { Exchange, ExchangeHandler, Transport, TransportFailure } from "./transport.ts";

/** What an attempt does, at its smallest: one call through a provider and its transport. */
class Attempt implements ExchangeHandler {
  readonly over: Promise<void>;
  readonly events: CanonicalEvent[] = [];
  response: CanonicalResponse | undefined;
  failure: ProviderFailure | undefined;
  transportFailure: TransportFailure | undefined;
  readonly #provider: Provider;
  readonly #decoder;
  #chunks: Buffer[] = [];
  #status = 0;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  #resolve: () => void = () => undefined;

  constructor(provider: Provider, stream: boolean) {
    this.#provider = provider;
    this.#decoder = stream ? provider.createStreamDecoder(1) : undefined;
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  onConnected(): void {
    this.#chunks = [];
  }

  onHead(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    this.#status = status;
    this.#headers = headers;
  }

  onData(chunk: Buffer): void {
    if (this.#decoder !== undefined && this.#status === 200) {
      this.events.push(...this.#decoder.push(chunk));
    } else {
      this.#chunks.push(chunk);
    }
  }

  onEnd(): void {
    const body = Buffer.concat(this.#chunks);
    if (this.#status !== 200) {
      this.failure = this.#provider.classify({ status: this.#status, headers: this.#headers, body });
    } else if (this.#decoder === undefined) {
      this.response = this.#provider.readResponse(body);
    } else {
      this.events.push(...this.#decoder.end());
    }
    this.#resolve();
  }

  onFailure(failure: TransportFailure): void {
    this.transportFailure = failure;
    this.#resolve();
  }
}

let upstream: ScriptedUpstream;
const transports: Readonly<Record<Provider["transport"], Transport>> = {
  http: createHttpTransport({ allowPrivateNetworks: true }),
  local: createLocalTransport(),
};

beforeEach(async () => {
  upstream = await startScriptedUpstream();
});
afterEach(() => upstream.close());

interface Started {
  readonly attempt: Attempt;
  readonly exchange: Exchange;
}

function start(provider: Provider, stream: boolean, model = "the-model"): Started {
  const text = `{"model":"endpoint","stream":${stream},"messages":[{"role":"user","content":"Hello from upstream"}],"x":1}`;
  const body = scanChatBody(Buffer.from(text));
  if (isBodyFault(body)) {
    throw new Error(body.message);
  }
  const request = provider.buildRequest({
    body,
    model,
    baseUrl: provider.transport === "http" ? upstream.baseUrl : undefined,
    secret: { api_key: "sk-conformance" },
    authConfig: {},
    stream,
    headers: {},
  });
  const attempt = new Attempt(provider, stream);
  return { attempt, exchange: transports[provider.transport].start(request, 2_000, attempt) };
}

async function call(provider: Provider, stream: boolean, model?: string): Promise<Attempt> {
  const { attempt } = start(provider, stream, model);
  await attempt.over;
  return attempt;
}

function className(failure: ProviderFailure | undefined): string | undefined {
  return failure === undefined ? undefined : enumName(errorsV1.FailureClass, failure.failureClass);
}

function textOf(events: readonly CanonicalEvent[]): string {
  return events
    .filter(({ isOutput }) => isOutput)
    .map(({ bytes }) => {
      const chunk = JSON.parse(bytes.toString().replace(/^(?:[^d].*\n)*data: ?/, "")) as {
        choices: [{ delta: { content?: string | null } }];
      };
      return chunk.choices[0].delta.content ?? "";
    })
    .join("");
}

const everyProvider = listProviders();
const httpProviders = everyProvider.filter(({ transport }) => transport === "http");
const speakers = everyProvider.filter(({ id }) => id !== "fault");

describe.each(speakers.map((provider) => [provider.id, provider] as const))("provider %s", (_id, provider) => {
  test("answers with text, usage, model and finish reason", async () => {
    upstream.next(chatCompletion({ content: "Hello from upstream", model: "the-model" }));
    const { response } = await call(provider, false);
    expect(response).toMatchObject({ kind: "answer", model: "the-model", finishReasons: ["stop"] });
    const answer: unknown = JSON.parse(response?.kind === "answer" ? response.body.toString() : "");
    expect(answer).toMatchObject({ choices: [{ message: { content: "Hello from upstream" } }] });
    expect(response?.kind === "answer" && response.usage?.outputTokens).toBe(3);
  });

  test("streams text, usage and the end", async () => {
    upstream.next(chatStream({ usage: scriptedUsage, model: "the-model" }));
    const { events } = await call(provider, true);
    expect(textOf(events)).toBe("Hello from upstream");
    expect(events.at(-1)).toMatchObject({ isDone: true, isFinished: true });
    expect(events.findLast(({ usage }) => usage !== undefined)?.usage?.outputTokens).toBe(3);
    expect(events.every(({ failure }) => failure === undefined)).toBe(true);
    expect(events[0]).toMatchObject({ isOutput: false, model: "the-model" });
  });
});

describe.each(httpProviders.map((provider) => [provider.id, provider] as const))("provider %s", (_id, provider) => {
  test("is found by its id, and says how it authenticates", () => {
    expect(findProvider(provider.id)).toBe(provider);
    expect(provider.authModes.map(({ mode }) => mode)).toContain("api_key");
  });

  test("sends the caller's request with its own model and key", async () => {
    await call(provider, true);
    const [request] = upstream.requests;
    expect(request?.path).toBe("/v1/chat/completions");
    expect(request?.headers).toMatchObject({ authorization: "Bearer sk-conformance", "accept-encoding": "identity" });
    const sent: unknown = JSON.parse(request?.body.toString() ?? "");
    expect(sent).toMatchObject({ model: "the-model", stream: true, x: 1 });
  });

  test.each([
    [errorStep(401, { code: "invalid_api_key" }), "PROVIDER_CREDENTIALS_REJECTED", undefined],
    [errorStep(429, {}, { "retry-after": "7" }), "PROVIDER_RATE_LIMITED", 7_000],
    [errorStep(500), "PROVIDER_ERROR", undefined],
    [errorStep(503), "PROVIDER_OVERLOADED", undefined],
    [htmlStep(502), "PROVIDER_ERROR", undefined],
    [errorStep(400, { code: "context_length_exceeded" }), "CALLER_CONTEXT_LENGTH_EXCEEDED", undefined],
  ])("tells failure classes (%#)", async (step, name, retryAfterMs) => {
    for (const stream of [true, false]) {
      upstream.next(step);
      const { failure } = await call(provider, stream);
      expect([className(failure), failure?.retryAfterMs, failure?.status]).toEqual([name, retryAfterMs, step.status]);
    }
  });

  test("sees malformed bodies", async () => {
    upstream.next({ body: ["{nope"] }, htmlStep(200), { body: [] });
    for (let index = 0; index < 3; index += 1) {
      const { response } = await call(provider, false);
      expect(response?.kind === "failure" && className(response.failure)).toBe("PROVIDER_BAD_RESPONSE");
    }
    upstream.next(chatStream({ insert: { 2: "data: {nope\n\n" } }), htmlStep(200));
    for (let index = 0; index < 2; index += 1) {
      const { events } = await call(provider, true);
      expect(className(events.at(-1)?.failure)).toBe("PROVIDER_BAD_RESPONSE");
    }
  });

  test("sees an error within a stream, and none of its bytes", async () => {
    upstream.next(chatStream({ insert: { 2: 'data: {"error":{"message":"sk-leak","type":"overloaded_error"}}\n\n' } }));
    const { events } = await call(provider, true);
    expect(className(events.at(-1)?.failure)).toBe("PROVIDER_OVERLOADED");
    expect(Buffer.concat(events.map(({ bytes }) => bytes)).toString()).not.toContain("sk-leak");
  });

  test("can be aborted", async () => {
    upstream.next({ ...chatStream(), hang: "after_body" });
    const { attempt, exchange } = start(provider, true);
    await upstream.until(() => attempt.events.length > 2);
    exchange.abort();
    await upstream.until(([request]) => request?.abortedAtMs !== undefined);
    expect(attempt.transportFailure).toBeUndefined();
  });
});

/** What a recorded answer must be read as; beside it `<id>.sse` and `<id>.json` are the vendor's wire. */
interface Expected {
  readonly text: string;
  readonly reasons: readonly string[];
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
  readonly asksForUsage: boolean;
}

const fixtures = new URL("fixtures/", import.meta.url);
const expectations = JSON.parse(readFileSync(new URL("expected.json", fixtures), "utf8")) as Record<string, Expected>;

describe.each(httpProviders.map((provider) => [provider.id, provider] as const))("wire of %s", (id, provider) => {
  test("is read as recorded", async () => {
    const expected = expectations[id];
    expect(expected, `fixtures/expected.json has no "${id}"`).toBeDefined();
    const stream = readFileSync(new URL(`${id}.sse`, fixtures));
    upstream.next({ headers: { "content-type": "text/event-stream" }, body: [stream], splitBytes: 50 });
    const { events } = await call(provider, true);
    expect(textOf(events)).toBe(expected?.text);
    expect(events.flatMap(({ finishReasons }) => finishReasons)).toEqual(expected?.reasons);
    expect(events.findLast(({ usage }) => usage !== undefined)?.usage).toEqual(expected?.usage);
    expect(events.at(-1)).toMatchObject({ isDone: true, isFinished: true });
    expect(Buffer.concat([...events.map(({ bytes }) => bytes), Buffer.from("data: [DONE]\n\n")])).toEqual(stream);
    expect(upstream.requests[0]?.body.includes("include_usage")).toBe(expected?.asksForUsage);
  });

  test("is read as recorded without a stream", async () => {
    const file = new URL(`${id}.json`, fixtures);
    const expected = expectations[id];
    expect(existsSync(file)).toBe(true);
    upstream.next({ headers: { "content-type": "application/json" }, body: [readFileSync(file)] });
    const { response } = await call(provider, false);
    expect(response).toMatchObject({ kind: "answer", usage: expected?.usage, finishReasons: expected?.reasons });
  });
});
