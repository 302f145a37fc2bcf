import { request as sendRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  chatStream,
  errorStep,
  type ScriptedUpstream,
  scriptedUsage,
  startScriptedUpstream,
} from "./scripted-upstream.ts";

let upstream: ScriptedUpstream;
beforeEach(async () => {
  upstream = await startScriptedUpstream();
});
afterEach(() => upstream.close());

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly error: string | undefined;
}

function post(body: unknown, abortAfterBytes = Number.POSITIVE_INFINITY): Promise<Answer> {
  return new Promise((resolve) => {
    const outgoing = sendRequest(`${upstream.baseUrl}/chat/completions`, { method: "POST", agent: false });
    let text = "";
    let status = 0;
    outgoing.on("response", (incoming) => {
      status = incoming.statusCode ?? 0;
      incoming.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.length >= abortAfterBytes) {
          outgoing.destroy();
        }
      });
      incoming.on("error", (error: NodeJS.ErrnoException) => resolve({ status, text, error: error.code ?? "error" }));
      incoming.on("end", () => resolve({ status, text, error: undefined }));
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => resolve({ status, text, error: error.code ?? "error" }));
    outgoing.end(JSON.stringify(body));
  });
}

describe("the scripted upstream", () => {
  test("answers healthily when nothing is scripted, streamed when asked", async () => {
    expect(JSON.parse((await post({ model: "m" })).text)).toMatchObject({ usage: { total_tokens: 12 } });
    const streamed = await post({ model: "m", stream: true });
    expect(streamed.text).toMatch(/^data: .*data: \[DONE\]\n\n$/s);
    expect(upstream.requests.map((request) => request.path)).toEqual(["/v1/chat/completions", "/v1/chat/completions"]);
  });

  test("plays steps in order and then what is set for otherwise", async () => {
    upstream.next(errorStep(429, { code: "rate_limit_exceeded" }, { "retry-after": "2" }));
    upstream.otherwise(errorStep(503));
    expect((await post({})).status).toBe(429);
    expect((await post({})).status).toBe(503);
    expect((await post({})).status).toBe(503);
  });

  test.each(["end", "close", "reset"] as const)("cuts a stream at any byte by %s", async (by) => {
    for (const afterBytes of [0, 7, 100]) {
      upstream.next({ ...chatStream(), cut: { afterBytes, by } });
      const answer = await post({ stream: true });
      expect(answer.text.length).toBe(afterBytes);
      expect(answer.error).toBe(by === "end" ? undefined : "ECONNRESET");
    }
  });

  test("splits events at any byte without changing them", async () => {
    const whole = chatStream({ usage: scriptedUsage }).body?.join("");
    upstream.next({ ...chatStream({ usage: scriptedUsage }), splitBytes: 3 });
    expect((await post({ stream: true })).text).toBe(whole);
  });

  test("sees that and when a client goes away", async () => {
    upstream.next(
      { ...chatStream(), hang: "after_body" },
      { ...chatStream(), repeat: { piece: ": ping\n\n", everyMs: 1 } },
    );
    await post({ stream: true }, 1);
    await post({ stream: true }, 1_000);
    await upstream.until((requests) => requests.every((request) => request.abortedAtMs !== undefined));
    expect(upstream.requests[1]?.writtenBytes).toBeGreaterThan(1_000);
  });

  test("puts raw events in at a position, and drops connections", async () => {
    upstream.next(chatStream({ insert: { 1: 'data: {"error":{"message":"no"}}\n\n' }, done: false }), {
      drop: "reset",
    });
    expect((await post({ stream: true })).text.split("\n\n")[1]).toBe('data: {"error":{"message":"no"}}');
    expect((await post({})).error).toBe("ECONNRESET");
    expect(upstream.requests.every((request) => request.abortedAtMs === undefined)).toBe(true);
  });
});
