import OpenAI, { APIError, APIUserAbortError } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  chatStream,
  errorStep,
  healthyStep,
  type ScriptedUpstream,
  startScriptedUpstream,
} from "../harness/scripted-upstream.ts";
import { testKeys, testTargets, toTestConfig } from "./test-config.ts";
import { Topology, topologyKinds } from "./topology.ts";

const messages = [{ role: "user" as const, content: "Does it come back?" }];
const bodyLimitBytes = 1024 * 1024;

describe.each(topologyKinds)("requests to Spillway as %s", (kind) => {
  let first: ScriptedUpstream;
  let second: ScriptedUpstream;
  let spillway: Topology;

  beforeAll(async () => {
    first = await startScriptedUpstream();
    second = await startScriptedUpstream();
    const environment = { SPILLWAY_BODY_LIMIT_BYTES: String(bodyLimitBytes) };
    spillway = await Topology.start(kind, { config: toTestConfig({ first, second }), environment });
  });

  afterAll(async () => {
    await spillway?.stop();
    await first?.close();
    await second?.close();
  });

  beforeEach(() => {
    first.otherwise(healthyStep);
    second.otherwise(healthyStep);
  });

  function createClient(apiKey: string = testKeys.all): OpenAI {
    return new OpenAI({ baseURL: `${spillway.origin}/v1`, apiKey, maxRetries: 0 });
  }

  function post(body: string | object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(`${spillway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${testKeys.all}`, ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  async function readError(answer: Response): Promise<Record<string, unknown>> {
    const { error } = (await answer.json()) as { error: Record<string, unknown> };
    return error;
  }

  async function failureOf(promise: PromiseLike<unknown>): Promise<APIError> {
    try {
      await promise;
    } catch (error) {
      if (error instanceof APIError) {
        return error;
      }
      throw error;
    }
    throw new Error("the call succeeded");
  }

  describe("chat", () => {
    test("answers from the first target, with the trail of one attempt", async () => {
      const { data, response } = await createClient()
        .chat.completions.create({ model: "chat", messages })
        .withResponse();
      expect(data.choices[0]?.message.content).toBe("Hello from upstream");
      expect(response.headers.get("x-spillway-endpoint")).toBe("chat");
      expect(response.headers.get("x-spillway-target")).toBe(testTargets.first);
      expect(response.headers.get("x-spillway-attempts")).toBe("1");
      expect(response.headers.get("x-spillway-trail")).toMatch(/^1 \S+first-model primary SERVED 200 \d+ms$/);
      expect(Number(response.headers.get("x-spillway-revision"))).toBeGreaterThan(0);
    });

    test("falls back when the first target fails, and says so", async () => {
      first.otherwise(errorStep(503));
      const { data, response } = await createClient()
        .chat.completions.create({ model: "chat", messages })
        .withResponse();
      expect(data.choices[0]?.message.content).toBe("Hello from upstream");
      expect(response.headers.get("x-spillway-target")).toBe(testTargets.second);
      expect(response.headers.get("x-spillway-attempts")).toBe("2");
      expect(response.headers.get("x-spillway-trail")).toMatch(
        /^1 openai-compatible\/first-model primary PROVIDER_OVERLOADED 503 \d+ms next, 2 openai-compatible\/second-model fallback SERVED 200 \d+ms$/,
      );
      for (const name of ["x-mlflow-gateway-duration-ms", "x-mlflow-gateway-overhead-duration-ms"]) {
        expect(response.headers.get(name)).toMatch(/^\d+(\.\d)?$/);
      }
    });

    test("sends each target its own model and secret, and all else as it came", async () => {
      first.otherwise(errorStep(500));
      await createClient().chat.completions.create({ model: "chat", messages, seed: 7, metadata: { team: "search" } });
      const sent = second.requests.at(-1);
      expect(JSON.parse(sent?.body.toString() ?? "")).toEqual({
        model: "second-model",
        messages,
        seed: 7,
        metadata: { team: "search" },
      });
      expect(sent?.headers.authorization).toBe("Bearer sk-upstream-secret");
    });

    test("keeps a request id and makes one where none is fit", async () => {
      const kept = await post({ model: "chat", messages }, { "x-request-id": "caller.1:a-b" });
      expect(kept.headers.get("x-request-id")).toBe("caller.1:a-b");
      const made = await post({ model: "chat", messages }, { "x-request-id": "not fit" });
      expect(made.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._:-]{8,128}$/);
    });

    test("tells every attempt when all fail, and no text of a provider", async () => {
      first.otherwise(errorStep(500, { message: "internal sk-upstream-secret" }));
      second.otherwise(errorStep(503, { message: "overloaded" }));
      const answer = await post({ model: "chat", messages });
      expect(answer.status).toBe(502);
      expect(answer.headers.get("x-spillway-attempts")).toBe("2");
      const text = await answer.text();
      expect(text).not.toContain("sk-upstream-secret");
      expect(JSON.parse(text).error.attempts).toMatchObject([
        { index: 1, target: testTargets.first, class: "PROVIDER_ERROR", status: 500, decision: "next" },
        { index: 2, target: testTargets.second, class: "PROVIDER_OVERLOADED", status: 503 },
      ]);
    });

    test("retries a target as its policy says", async () => {
      const before = first.requests.length;
      first.next(errorStep(503));
      const answer = await post({ model: "solo", messages });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-spillway-trail")).toMatch(/ 503 \d+ms retry, 2 .* SERVED 200 \d+ms$/);
      expect(first.requests.length - before).toBe(2);
    });

    test("passes a caller's own fault back and does not fall back", async () => {
      const before = second.requests.length;
      first.otherwise(errorStep(400, { message: "temperature is too high", type: "invalid_request_error" }));
      const error = await failureOf(
        createClient().chat.completions.create({ model: "chat", messages, temperature: 9 }),
      );
      expect(error.status).toBe(400);
      expect(error.message).toContain("temperature is too high");
      expect(second.requests.length).toBe(before);
    });
  });

  describe("a stream", () => {
    test("arrives whole from the fallback", async () => {
      first.otherwise(errorStep(503));
      const { data, response } = await createClient()
        .chat.completions.create({ model: "chat", messages, stream: true })
        .withResponse();
      let text = "";
      let finishReason: string | null | undefined;
      for await (const chunk of data) {
        text += chunk.choices[0]?.delta.content ?? "";
        finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
      }
      expect(text).toBe("Hello from upstream");
      expect(finishReason).toBe("stop");
      expect(response.headers.get("x-spillway-trail")).toMatch(/503 \d+ms next, 2 \S+ fallback SERVED 200 \d+ms$/);
    });

    test("ends with [DONE], and has no usage that was not asked for", async () => {
      const answer = await post({ model: "chat", messages, stream: true });
      expect(answer.headers.get("content-type")).toContain("text/event-stream");
      const text = await answer.text();
      expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
      expect(text).not.toContain('"usage":{');
    });

    test("has the usage and the final trail when they are asked for", async () => {
      first.otherwise(errorStep(503));
      const stream = await createClient().chat.completions.create({
        model: "chat",
        messages,
        stream: true,
        stream_options: { include_usage: true },
      });
      let last: OpenAI.ChatCompletionChunk | undefined;
      for await (const chunk of stream) {
        last = chunk;
      }
      expect(last?.usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 3 });
      expect(JSON.stringify((last as { spillway?: unknown } | undefined)?.spillway)).toContain("PROVIDER_OVERLOADED");
    });

    test("falls back when it breaks before its first output", async () => {
      first.otherwise({ ...chatStream(), cut: { afterBytes: 20, by: "close" } });
      const answer = await post({ model: "chat", messages, stream: true });
      expect(answer.headers.get("x-spillway-target")).toBe(testTargets.second);
      expect(await answer.text()).toContain("[DONE]");
    });

    test("that breaks after its first output keeps what came and ends with an error", async () => {
      const before = second.requests.length;
      const words = ["one", "two", "three"];
      first.otherwise({ ...chatStream({ words, finishReason: null, done: false }), pieceGapMs: 5 });
      const answer = await post({ model: "chat", messages, stream: true });
      expect(answer.status).toBe(200);
      const text = await answer.text();
      for (const word of words) {
        expect(text).toContain(`"${word}"`);
      }
      expect(text).not.toContain("[DONE]");
      const events = text.trim().split("\n\n");
      expect(events.at(-1)).toContain('"error"');
      expect(second.requests.length).toBe(before);
    });
  });

  describe("a caller who leaves", () => {
    type Choice = OpenAI.ChatCompletionChunk.Choice;

    /** Reads a stream and leaves at the first choice that is so; gives the time at which it did. */
    async function leaveStream(isMoment: (choice: Choice) => boolean): Promise<number> {
      const controller = new AbortController();
      let leftAtMs = Number.NaN;
      const read = async () => {
        const stream = await createClient().chat.completions.create(
          { model: "chat", messages, stream: true },
          { signal: controller.signal },
        );
        for await (const { choices } of stream) {
          if (controller.signal.aborted || !choices.some(isMoment)) {
            continue;
          }
          leftAtMs = performance.now();
          controller.abort();
        }
      };
      await read().catch((error: unknown) => expect(error).toBeInstanceOf(APIUserAbortError));
      return leftAtMs;
    }

    /** The provider must see the end within 100 ms; ten times as long is allowed on a busy machine. */
    async function expectAborted(index: number, leftAtMs: number): Promise<void> {
      await first.until((requests) => requests[index]?.abortedAtMs !== undefined);
      expect((first.requests[index]?.abortedAtMs ?? Number.NaN) - leftAtMs).toBeLessThan(1000);
    }

    test("cancels the call to the provider, streamed", async () => {
      const before = first.requests.length;
      first.otherwise({
        ...chatStream({ finishReason: null, done: false }),
        repeat: { piece: ": still here\n\n", everyMs: 20 },
      });
      await expectAborted(before, await leaveStream(({ delta }) => Boolean(delta.content)));
    });

    test("cancels the call to the provider that has not hung up after its answer", async () => {
      const before = first.requests.length;
      first.otherwise({ ...chatStream({ done: false }), hang: "after_body" });
      await expectAborted(before, await leaveStream((choice) => choice.finish_reason === "stop"));
    });

    test("cancels the call to the provider, unary", async () => {
      const before = first.requests.length;
      first.otherwise({ hang: "before_head" });
      const controller = new AbortController();
      const failure = createClient()
        .chat.completions.create({ model: "chat", messages }, { signal: controller.signal })
        .catch((error: unknown) => error);
      await first.until((requests) => requests.length > before);
      const leftAtMs = performance.now();
      controller.abort();
      expect(await failure).toBeInstanceOf(APIUserAbortError);
      await expectAborted(before, leftAtMs);
    });
  });

  describe("models", () => {
    test("are the endpoints that the key may use", async () => {
      const list = async (apiKey: string) => {
        const names: string[] = [];
        for await (const { id } of createClient(apiKey).models.list()) {
          names.push(id);
        }
        return names.sort();
      };
      expect(await list(testKeys.all)).toEqual(["chat", "solo", "split"]);
      expect(await list(testKeys.narrow)).toEqual(["chat"]);
    });
  });

  describe("bad input", () => {
    test("an unknown endpoint is a 404, and so is one that the key may not use", async () => {
      const unknown = await failureOf(createClient().chat.completions.create({ model: "nowhere", messages }));
      expect(unknown).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
      const client = createClient(testKeys.narrow);
      const forbidden = await failureOf(client.chat.completions.create({ model: "solo", messages }));
      expect(forbidden).toMatchObject({ status: 404, code: "model_not_found" });
      expect(forbidden.message.replace("solo", "nowhere")).toBe(unknown.message);
    });

    test.each([
      ["missing", ""],
      ["wrong", "Bearer sk-nobody-0123456789"],
      ["of another scheme", `Basic ${testKeys.all}`],
      ["not even ASCII", "Bearer k\u00e9y"],
    ])("a key that is %s is a 401", async (_name, authorization) => {
      const answer = await post({ model: "chat", messages }, { authorization });
      expect(answer.status).toBe(401);
      expect(await readError(answer)).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
    });

    test.each([
      ["is not JSON", "{", null],
      ["is no object", "[]", null],
      ["has no messages", '{"model":"chat"}', "messages"],
      ["has a model that is no text", '{"model":7,"messages":[]}', "model"],
      ["has no model", '{"messages":[]}', "model"],
    ])("a body that %s is a 400", async (_name, body, param) => {
      const answer = await post(body);
      expect(answer.status).toBe(400);
      const error = await readError(answer);
      expect(error.type).toBe("invalid_request_error");
      expect(error.param ?? null).toBe(param);
      expect(answer.headers.get("x-request-id")).toBeTruthy();
    });

    test("a body that is too large is a 413", async () => {
      const answer = await post({ model: "chat", messages: [{ role: "user", content: "x".repeat(bodyLimitBytes) }] });
      expect(answer.status).toBe(413);
      expect(await readError(answer)).toMatchObject({ code: "request_too_large" });
    });
  });
});
