import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  chatCompletion,
  chatStream,
  findRefusingPort,
  redirectStep,
  type ScriptedUpstream,
  startScriptedUpstream,
  startSilentListener,
} from "../../../test/harness/scripted-upstream.ts";
import type { ProviderRequest } from "../provider.ts";
import type { Exchange, ExchangeHandler, Transport, TransportFailure } from "../transport.ts";
import { createHttpTransport } from "./http-transport.ts";

let upstream: ScriptedUpstream;
let transport: Transport;
beforeEach(async () => {
  upstream = await startScriptedUpstream();
  transport = createHttpTransport({ allowPrivateNetworks: true });
});
afterEach(async () => {
  await upstream.close();
  await transport.close();
});

interface Outcome {
  readonly events: readonly string[];
  readonly text: string;
  readonly failure: TransportFailure | undefined;
  readonly maybeSeen: boolean | undefined;
}

class Recorder implements ExchangeHandler {
  readonly events: string[] = [];
  readonly settled: Promise<Outcome>;
  text = "";
  location: unknown;
  onChunk: (() => void) | undefined;
  #settle: (outcome: Outcome) => void = () => undefined;

  constructor() {
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  onConnected(): void {
    this.events.push("connected");
  }

  onHead(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    this.location = headers.location;
    this.events.push(`head ${status}`);
  }

  onData(chunk: Buffer): void {
    this.text += chunk.toString();
    if (this.events.at(-1) !== "data") {
      this.events.push("data");
    }
    this.onChunk?.();
  }

  onEnd(): void {
    this.events.push("end");
    this.#settle({ events: this.events, text: this.text, failure: undefined, maybeSeen: undefined });
  }

  onFailure(failure: TransportFailure, maybeSeen: boolean): void {
    this.events.push(`failure ${failure}`);
    this.#settle({ events: this.events, text: this.text, failure, maybeSeen });
  }
}

function toRequest(origin: string, headers: Record<string, string> = {}): ProviderRequest {
  const body = Buffer.from('{"model":"m","messages":[]}');
  return { method: "POST", origin, path: "/v1/chat/completions", headers, body };
}

function send(origin = upstream.origin, connectTimeoutMs = 5_000): { exchange: Exchange; recorder: Recorder } {
  const recorder = new Recorder();
  return { recorder, exchange: transport.start(toRequest(origin), connectTimeoutMs, recorder) };
}

describe("an exchange over HTTP", () => {
  test("hands on head, body and end in order, and uses the connection again", async () => {
    for (let call = 0; call < 5; call += 1) {
      const outcome = await send().recorder.settled;
      expect(outcome.events).toEqual(["connected", "head 200", "data", "end"]);
      expect(JSON.parse(outcome.text)).toMatchObject({ object: "chat.completion" });
    }
    // A connection is free again a turn after its answer's end, so the second call may open another one.
    expect(upstream.requests.every((request) => request.connection <= 2)).toBe(true);
  });

  test("follows no redirect", async () => {
    upstream.next(redirectStep(`${upstream.origin}/elsewhere`));
    const { recorder } = send();
    expect((await recorder.settled).events).toEqual(["connected", "head 302", "end"]);
    expect(recorder.location).toBe(`${upstream.origin}/elsewhere`);
    expect(upstream.requests).toHaveLength(1);
  });

  test("does not count an interim answer as the head", async () => {
    upstream.next({ raw: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" });
    expect((await send().recorder.settled).events).toEqual(["connected", "head 200", "data", "end"]);
  });

  test("tells an answer that is cut from one that ends", async () => {
    const whole = chatStream();
    for (const by of ["close", "reset"] as const) {
      upstream.next({ ...whole, cut: { afterBytes: 100, by } });
      const outcome = await send().recorder.settled;
      expect(outcome).toMatchObject({ failure: "reset", maybeSeen: true });
    }
    upstream.next({ ...whole, cut: { afterBytes: 100, by: "end" } });
    expect((await send().recorder.settled).events.at(-1)).toBe("end");
    upstream.next({ ...chatCompletion(), cut: { afterBytes: 20, by: "close" } });
    expect(await send().recorder.settled).toMatchObject({ failure: "reset", maybeSeen: true });
  });

  test("tells what is not HTTP, and heads that are too large", async () => {
    upstream.next({ raw: "SMTP ready\r\n\r\n" }, { headers: { "x-padding": "x".repeat(80_000) }, body: ["{}"] });
    expect(await send().recorder.settled).toMatchObject({ failure: "other", maybeSeen: true });
    expect(await send().recorder.settled).toMatchObject({ failure: "other", maybeSeen: true });
  });

  test("reports a header that cannot be sent after start has returned", async () => {
    const recorder = new Recorder();
    transport.start(toRequest(upstream.origin, { authorization: "Bearer a\nb" }), 1_000, recorder);
    expect(recorder.events).toEqual([]);
    expect(await recorder.settled).toMatchObject({ failure: "unsendable", maybeSeen: false });
    expect(upstream.requests).toHaveLength(0);
  });
});

describe("connecting", () => {
  test("is refused", async () => {
    const origin = `http://127.0.0.1:${await findRefusingPort()}`;
    expect(await send(origin).recorder.settled).toMatchObject({ failure: "refused", maybeSeen: false });
  });

  test("finds no such name", async () => {
    expect(await send("http://nobody.invalid").recorder.settled).toMatchObject({ failure: "dns", maybeSeen: false });
  });

  test("speaks TLS to what does not", async () => {
    const origin = upstream.origin.replace("http:", "https:");
    expect(await send(origin).recorder.settled).toMatchObject({ failure: "tls", maybeSeen: false });
  });

  test("times out near the number that was asked, and leaves no socket", async () => {
    const silent = await startSilentListener();
    try {
      for (const timeoutMs of [100, 300, 700]) {
        const startMs = performance.now();
        const outcome = await send(`https://127.0.0.1:${silent.port}`, timeoutMs).recorder.settled;
        const tookMs = performance.now() - startMs;
        expect(outcome).toMatchObject({ failure: "connect_timeout", maybeSeen: false });
        expect(tookMs).toBeGreaterThan(timeoutMs - 5);
        expect(tookMs).toBeLessThan(10 * timeoutMs);
      }
      await silent.untilIdle();
    } finally {
      await silent.close();
    }
  });

  test("can be aborted at once, after which nothing is heard", async () => {
    const silent = await startSilentListener();
    try {
      const origin = `https://127.0.0.1:${silent.port}`;
      const { exchange, recorder } = send(origin, 1_000);
      await silent.untilConnected();
      exchange.abort();
      exchange.abort();
      await silent.untilIdle();
      expect(recorder.events).toEqual([]);
      // The time of one that began later is over, so that of the first is.
      expect(await send(origin, 1_000).recorder.settled).toMatchObject({ failure: "connect_timeout" });
      expect(recorder.events).toEqual([]);
    } finally {
      await silent.close();
    }
  });

  test("fails over to a new connection when the kept one was closed meanwhile", async () => {
    upstream.next({ ...chatCompletion(), closeConnection: true });
    await send().recorder.settled;
    await upstream.until(() => upstream.openConnections === 0);
    await send().recorder.settled;
    await nextTurn();
    upstream.closeConnections();
    await upstream.until(() => upstream.openConnections === 0);
    expect((await send().recorder.settled).events.at(-1)).toBe("end");
    expect(upstream.requests.map((request) => request.connection)).toEqual([1, 2, 3]);
  });

  test("waits for a free connection no longer than the connect time-out", async () => {
    await transport.close();
    transport = createHttpTransport({ allowPrivateNetworks: true, connectionsPerOrigin: 1 });
    upstream.next({ ...chatStream(), hang: "after_body" });
    const busy = send();
    await upstream.until((requests) => requests.length === 1);
    expect(await send(upstream.origin, 50).recorder.settled).toMatchObject({ failure: "connect_timeout" });
    busy.exchange.abort();
    expect((await send().recorder.settled).events.at(-1)).toBe("end");
    expect(upstream.requests).toHaveLength(2);
  });
});

describe("aborting", () => {
  test.each(["before_head", "after_head", "after_body"] as const)("closes an upstream that hangs %s", async (hang) => {
    upstream.next({ ...chatStream(), hang });
    const { exchange, recorder } = send();
    await upstream.until(([request]) => request !== undefined && (hang !== "after_body" || request.writtenBytes > 300));
    const startMs = performance.now();
    exchange.abort();
    await upstream.until(([request]) => request?.abortedAtMs !== undefined);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    const heard = recorder.events.length;
    await sleep(20);
    expect(recorder.events).toHaveLength(heard);
    expect(recorder.events.some((event) => event.startsWith("failure"))).toBe(false);
  });

  test("from within a callback ends it there", async () => {
    upstream.next({ ...chatStream(), pieceGapMs: 1 });
    const { exchange, recorder } = send();
    recorder.onChunk = () => exchange.abort();
    await upstream.until(([request]) => request?.abortedAtMs !== undefined);
    expect(recorder.events).toEqual(["connected", "head 200", "data"]);
  });
});

describe("back-pressure", () => {
  test("makes the upstream's writes block while paused", async () => {
    const piece = `: ${"x".repeat(16_384)}\n\n`;
    upstream.next({ headers: { "content-type": "text/event-stream" }, repeat: { piece, everyMs: 0 } });
    const { exchange, recorder } = send();
    exchange.pause();
    await upstream.until(([request]) => request !== undefined && request.writtenBytes > 0);
    let before = -1;
    while (before !== upstream.requests[0]?.writtenBytes) {
      before = upstream.requests[0]?.writtenBytes ?? 0;
      await sleep(50);
    }
    expect(recorder.text.length).toBeLessThan(200_000);
    const resumed = new Promise<void>((resolve) => {
      recorder.onChunk = () => recorder.text.length > before + 1_000_000 && resolve();
    });
    exchange.resume();
    await resumed;
    exchange.abort();
  });
});

describe("the outbound guard", () => {
  test.each(["127.0.0.1", "localhost", "[::1]", "2130706433", "[::ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]"])(
    "refuses %s unless private networks are allowed",
    async (host) => {
      await transport.close();
      transport = createHttpTransport({ allowPrivateNetworks: false });
      const { origin } = new URL(`http://${host}:${upstream.port}`);
      expect(await send(origin).recorder.settled).toMatchObject({ failure: "blocked", maybeSeen: false });
      expect(upstream.requests).toHaveLength(0);
    },
  );
});

describe("connections that are not used", () => {
  test("are closed when their origin has been idle", async () => {
    await transport.close();
    transport = createHttpTransport({ allowPrivateNetworks: true, idleOriginMs: 40 });
    await send().recorder.settled;
    await upstream.until(() => upstream.openConnections === 0, 2_000);
    expect((await send().recorder.settled).events.at(-1)).toBe("end");
  });

  test("are kept for a bounded number of origins", async () => {
    await transport.close();
    transport = createHttpTransport({ allowPrivateNetworks: true, maxIdleOrigins: 1 });
    const others = await Promise.all([startScriptedUpstream(), startScriptedUpstream()]);
    try {
      await send().recorder.settled;
      for (const other of others) {
        await send(other.origin).recorder.settled;
      }
      await upstream.until(() => upstream.openConnections === 0, 2_000);
      expect(others[1]?.openConnections).toBe(1);
    } finally {
      await Promise.all(others.map((other) => other.close()));
    }
  });
});
