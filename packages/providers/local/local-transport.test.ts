import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { enumName, errorsV1 } from "#contracts";
import { isBodyFault, scanChatBody } from "#dialects";
import type { CanonicalEvent, Provider, ProviderFailure, ProviderRequest } from "../provider.ts";
import type { Exchange, ExchangeHandler, TransportFailure } from "../transport.ts";
import { echoProvider } from "./echo-provider.ts";
import { findFault, knownFaults } from "./fault-names.ts";
import { faultProvider } from "./fault-provider.ts";
import { createLocalTransport } from "./local-transport.ts";

/** Timers whose time passes when a test says so. */
class ManualTimers {
  readonly #waiting = new Map<object, { readonly action: () => void; readonly atMs: number }>();
  #nowMs = 0;

  setTimeout(action: () => void, delayMs: number): object {
    const timer = {};
    this.#waiting.set(timer, { action, atMs: this.#nowMs + delayMs });
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#waiting.delete(timer as object);
  }

  pass(milliseconds: number): void {
    this.#nowMs += milliseconds;
    for (const [timer, { action, atMs }] of this.#waiting) {
      if (atMs <= this.#nowMs) {
        this.#waiting.delete(timer);
        action();
      }
    }
  }

  get count(): number {
    return this.#waiting.size;
  }
}

class Recorder implements ExchangeHandler {
  readonly heard: string[] = [];
  readonly chunks: Buffer[] = [];
  status = 0;
  headers: Readonly<Record<string, string | string[] | undefined>> = {};
  onChunk: () => void = () => undefined;

  onConnected(): void {
    this.heard.push("connected");
  }

  onHead(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    this.status = status;
    this.headers = headers;
    this.heard.push(`head ${status}`);
  }

  onData(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.onChunk();
  }

  onEnd(): void {
    this.heard.push("end");
  }

  onFailure(failure: TransportFailure, maybeSeen: boolean): void {
    this.heard.push(`${failure} ${maybeSeen}`);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

const timers = new ManualTimers();
const transport = createLocalTransport({ timers, nowMs: () => 1_700_000_000_000 });
const conversation = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "first" },
  { role: "assistant", content: "ok" },
  { role: "user", content: [{ type: "text", text: "Hello there,  world!\n" }, { type: "image_url" }] },
];

function toRequest(provider: Provider, model: string, stream: boolean): ProviderRequest {
  const body = scanChatBody(Buffer.from(JSON.stringify({ model: "endpoint", messages: conversation, stream })));
  if (isBodyFault(body)) {
    throw new Error(body.message);
  }
  return provider.buildRequest({ body, model, baseUrl: undefined, secret: {}, authConfig: {}, stream, headers: {} });
}

function start(provider: Provider, model: string, stream = false): { recorder: Recorder; exchange: Exchange } {
  const recorder = new Recorder();
  return { recorder, exchange: transport.start(toRequest(provider, model, stream), 1_000, recorder) };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) {
    await nextTurn();
  }
}

async function run(provider: Provider, model: string, stream = false): Promise<Recorder> {
  const { recorder } = start(provider, model, stream);
  await turns();
  return recorder;
}

function decode(provider: Provider, recorder: Recorder): CanonicalEvent[] {
  const decoder = provider.createStreamDecoder(1);
  return [...recorder.chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.end()];
}

function className(failure: ProviderFailure | undefined): string | undefined {
  return failure === undefined ? undefined : enumName(errorsV1.FailureClass, failure.failureClass);
}

afterEach(() => {
  timers.pass(1_000_000);
  expect(timers.count).toBe(0);
});

describe("echo", () => {
  test("says what the last message of the user said, and counts words", async () => {
    const recorder = await run(echoProvider, "parrot");
    expect(recorder.heard).toEqual(["connected", "head 200", "end"]);
    const response = echoProvider.readResponse(Buffer.from(recorder.text));
    expect(response).toMatchObject({
      kind: "answer",
      model: "parrot",
      usage: { inputTokens: 7, outputTokens: 3 },
      finishReasons: ["stop"],
    });
    const answer: unknown = JSON.parse(recorder.text);
    expect(answer).toMatchObject({
      object: "chat.completion",
      created: 1_700_000_000,
      choices: [{ message: { role: "assistant", content: "Hello there,  world!\n" } }],
    });
  });

  test("streams word by word, each in a turn of its own, with usage and a marker at the end", async () => {
    const recorder = await run(echoProvider, "parrot", true);
    expect(recorder.chunks).toHaveLength(7);
    const events = decode(echoProvider, recorder);
    const texts = events
      .filter(({ isOutput }) => isOutput)
      .map(
        ({ bytes }) => (JSON.parse(bytes.toString().slice(6)) as { choices: [{ delta: unknown }] }).choices[0].delta,
      );
    expect(texts).toEqual([{ content: "Hello " }, { content: "there,  " }, { content: "world!\n" }]);
    expect(events.slice(-3)).toMatchObject([
      { isFinished: true },
      { isUsageOnly: true, usage: { inputTokens: 7, outputTokens: 3 } },
      { isDone: true },
    ]);
  });

  test("stands still while it is paused, and says nothing after an abort", async () => {
    const { recorder, exchange } = start(echoProvider, "parrot", true);
    recorder.onChunk = () => recorder.chunks.length === 2 && exchange.pause();
    await turns();
    expect(recorder.chunks).toHaveLength(2);
    exchange.resume();
    recorder.onChunk = () => recorder.chunks.length === 4 && exchange.abort();
    await turns();
    expect(recorder.chunks).toHaveLength(4);
    expect(recorder.heard).toEqual(["connected", "head 200"]);
  });

  test("is silent until start has returned", async () => {
    const { recorder, exchange } = start(echoProvider, "parrot");
    expect(recorder.heard).toEqual([]);
    exchange.abort();
    await turns();
    expect(recorder.heard).toEqual([]);
  });
});

describe("fault", () => {
  test.each([
    ["status-503", 503, "PROVIDER_OVERLOADED", undefined],
    ["status-429-retry-after-2", 429, "PROVIDER_RATE_LIMITED", 2_000],
    ["status-400", 400, "CALLER_INVALID_REQUEST", undefined],
    ["status-401", 401, "PROVIDER_CREDENTIALS_REJECTED", undefined],
    ["redirect", 302, "PROVIDER_BAD_RESPONSE", undefined],
    ["no-such-fault", 404, "PROVIDER_MODEL_NOT_FOUND", undefined],
    ["status-700", 404, "PROVIDER_MODEL_NOT_FOUND", undefined],
  ])("%s", async (model, ...expected) => {
    for (const stream of [true, false]) {
      const { status: answered, headers, text } = await run(faultProvider, model, stream);
      const failure = faultProvider.classify({ status: answered, headers, body: Buffer.from(text) });
      expect([failure.status, className(failure), failure.retryAfterMs]).toEqual(expected);
    }
  });

  test.each([
    ["refuse", ["refused false"]],
    ["dns", ["dns false"]],
    ["tls", ["tls false"]],
    ["reset", ["connected", "reset true"]],
    ["hang", ["connected"]],
    ["timeout", ["connected"]],
  ])("%s", async (model, heard) => {
    const { recorder, exchange } = start(faultProvider, model, true);
    await turns();
    expect(recorder.heard).toEqual(heard);
    exchange.abort();
  });

  test("connect-timeout is heard when that time is over", async () => {
    const { recorder } = start(faultProvider, "connect-timeout");
    await turns();
    timers.pass(999);
    expect(recorder.heard).toEqual([]);
    timers.pass(1);
    expect(recorder.heard).toEqual(["connect_timeout false"]);
  });

  test("slow-500ms answers then", async () => {
    const { recorder } = start(faultProvider, "slow-500ms");
    await turns();
    timers.pass(499);
    await turns();
    expect(recorder.heard).toEqual(["connected"]);
    timers.pass(1);
    await turns();
    expect(recorder.heard).toEqual(["connected", "head 200", "end"]);
    expect(faultProvider.readResponse(Buffer.from(recorder.text)).kind).toBe("answer");
  });

  test.each([
    ["truncate-after-3", 3, "end"],
    ["truncate-after-0", 0, "end"],
    ["reset-after-3", 3, "reset true"],
    ["hang-after-2", 2, "head 200"],
    ["truncate-after-40", 40, "end"],
  ])("%s in a stream", async (model, words, last) => {
    const { recorder, exchange } = start(faultProvider, model, true);
    await turns();
    exchange.abort();
    expect(recorder.heard.at(-1)).toBe(last);
    const events = decode(faultProvider, recorder);
    expect(events.filter(({ isOutput }) => isOutput)).toHaveLength(words);
    expect(events.some(({ isFinished, isDone, failure }) => isFinished || isDone || failure !== undefined)).toBe(false);
  });

  test.each([
    ["error-in-stream", 0, 1],
    ["error-after-0", 0, 1],
    ["error-after-3", 3, 5],
  ])("%s in a stream", async (model, words, count) => {
    const events = decode(faultProvider, await run(faultProvider, model, true));
    expect(events).toHaveLength(count);
    expect(events.filter(({ isOutput }) => isOutput)).toHaveLength(words);
    expect(className(events.at(-1)?.failure)).toBe("PROVIDER_ERROR");
  });

  test.each([
    ["not-json", "PROVIDER_BAD_RESPONSE"],
    ["html", "PROVIDER_BAD_RESPONSE"],
    ["empty", "PROVIDER_BAD_RESPONSE"],
    ["truncate-after-3", "PROVIDER_BAD_RESPONSE"],
    ["error-in-stream", "PROVIDER_ERROR"],
  ])("%s without a stream", async (model, name) => {
    const recorder = await run(faultProvider, model);
    expect(recorder.heard).toEqual(["connected", "head 200", "end"]);
    const response = faultProvider.readResponse(Buffer.from(recorder.text));
    expect(response.kind === "failure" && className(response.failure)).toBe(name);
  });

  test("knows every name that it tells of, and refuses others when they are configured", () => {
    expect(new Set(knownFaults).size).toBe(knownFaults.length);
    for (const name of knownFaults) {
      const example = name
        .replace("<400 to 599>", "503")
        .replace(/\[.*\]/, "")
        .replace(/<.*?>/, "3");
      expect(findFault(example), example).toBeDefined();
      expect(faultProvider.validateModel?.(example)).toBeUndefined();
    }
    for (const name of [
      "",
      "status-200",
      "status-5030",
      "hang-after-",
      "slow-ms",
      "xstatus-503",
      "reset-after-99999",
    ]) {
      expect(faultProvider.validateModel?.(name), name).toContain("status-<400 to 599>");
    }
    expect(echoProvider.validateModel?.("anything")).toBeUndefined();
  });
});

test("closing waits for what is under way", async () => {
  const own = createLocalTransport({ timers });
  const exchange = own.start(toRequest(faultProvider, "hang", false), 1_000, new Recorder());
  let isClosed = false;
  const closed = own.close().then(() => {
    isClosed = true;
  });
  await turns();
  expect(isClosed).toBe(false);
  exchange.abort();
  await closed;
  await own.close();
});

test("a request to nobody is refused", async () => {
  const recorder = new Recorder();
  const request = { ...toRequest(echoProvider, "m", false), origin: "local://nobody" } as ProviderRequest;
  transport.start(request, 1_000, recorder);
  await turns();
  expect(recorder.heard).toEqual(["refused false"]);
});
