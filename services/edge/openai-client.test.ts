import { APIError, APIUserAbortError, AuthenticationError, NotFoundError, OpenAI, RateLimitError } from "openai";
import { expect, test, vi } from "vitest";
import { googleRpc } from "#contracts";
import { RpcError } from "#rpc";
import { createRoutingError, startTestEdge, streamHead, toStreamData, toTextChunk } from "./testing/start-test-edge.ts";
import { untilCancelled } from "./testing/until-aborted.ts";

const messages = [{ role: "user" as const, content: "Hi" }];

function createClient(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test" });
}

test("chat", async () => {
  const edge = await startTestEdge();
  const completion = await createClient(edge.url).chat.completions.create({ model: "chat", messages });
  expect(completion.choices[0]?.message.content).toBe("Hello");
  expect(edge.calls[0]?.context.metadata).toEqual({ authorization: "Bearer sk-test" });
});

test("streaming", async () => {
  const edge = await startTestEdge();
  const stream = await createClient(edge.url).chat.completions.create({ model: "chat", messages, stream: true });
  let text = "";
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
  }
  expect(text).toBe("Hello");
});

test("models", async () => {
  const edge = await startTestEdge();
  const client = createClient(edge.url);
  const models = [];
  for await (const model of client.models.list()) {
    models.push(model);
  }
  expect(models.map(({ id, object, created }) => ({ id, object, created }))).toEqual([
    { id: "chat", object: "model", created: 1_700_000_000 },
    { id: "team/fast chat", object: "model", created: 0 },
  ]);
  expect(await client.models.retrieve("team/fast chat")).toMatchObject({ id: "team/fast chat" });
  await expect(client.models.retrieve("none")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
});

test("an abort ends the stream and cancels the call", async () => {
  const cancelled = vi.fn();
  const edge = await startTestEdge({
    async *stream({ context }) {
      yield streamHead;
      yield toStreamData(toTextChunk("Hel"));
      await untilCancelled(context.signal).finally(cancelled);
    },
  });
  const stream = await createClient(edge.url).chat.completions.create({ model: "chat", messages, stream: true });
  for await (const chunk of stream) {
    expect(chunk.choices[0]?.delta.content).toBe("Hel");
    stream.controller.abort();
  }
  await expect.poll(() => cancelled.mock.calls).toHaveLength(1);
  const leaving = new AbortController();
  leaving.abort();
  await expect(
    createClient(edge.url).chat.completions.create({ model: "chat", messages }, { signal: leaving.signal }),
  ).rejects.toBeInstanceOf(APIUserAbortError);
});

test("an unknown endpoint is a NotFoundError", async () => {
  const edge = await startTestEdge({
    invoke: () =>
      Promise.reject(
        new RpcError({ code: "NOT_FOUND", reason: "ENDPOINT_NOT_FOUND", message: "No.", metadata: { endpoint: "x" } }),
      ),
  });
  const thrown: unknown = await createClient(edge.url)
    .chat.completions.create({ model: "x", messages })
    .then(undefined, (error: unknown) => error);
  expect(thrown).toBeInstanceOf(NotFoundError);
  expect(thrown).toMatchObject({
    status: 404,
    code: "model_not_found",
    type: "invalid_request_error",
    param: "model",
  });
});

test.each(["CREDENTIAL_MISSING", "CREDENTIAL_INVALID"])("%s is an AuthenticationError", async (reason) => {
  const edge = await startTestEdge({
    invoke: () => Promise.reject(new RpcError({ code: "UNAUTHENTICATED", reason, message: "No." })),
    models: () => Promise.reject(new RpcError({ code: "UNAUTHENTICATED", reason, message: "No." })),
  });
  const client = createClient(edge.url);
  for (const ask of [
    () => client.chat.completions.create({ model: "chat", messages }),
    () => client.models.list(),
    () => client.models.retrieve("chat"),
  ]) {
    const thrown: unknown = await ask().then(undefined, (error: unknown) => error);
    expect(thrown).toBeInstanceOf(AuthenticationError);
    expect(thrown).toMatchObject({ status: 401, type: "authentication_error", code: "invalid_api_key" });
  }
});

test("a stream that breaks raises our message", async () => {
  const edge = await startTestEdge({
    async *stream() {
      yield streamHead;
      yield toStreamData(toTextChunk("Hel"));
      throw new RpcError({ code: "UNAVAILABLE", reason: "STREAM_BROKEN", message: "The stream broke." });
    },
  });
  const stream = await createClient(edge.url).chat.completions.create({ model: "chat", messages, stream: true });
  const read = async () => {
    for await (const chunk of stream) {
      expect(chunk.choices).toHaveLength(1);
    }
  };
  await expect(read()).rejects.toThrow("The stream broke.");
});

test("what was tried here already is not tried again by the client", async () => {
  const edge = await startTestEdge({
    invoke: () =>
      Promise.reject(
        createRoutingError({
          code: "UNAVAILABLE",
          reason: "TARGETS_EXHAUSTED",
          message: "All failed.",
          metadata: { http_status: "502" },
        }),
      ),
  });
  await expect(createClient(edge.url).chat.completions.create({ model: "chat", messages })).rejects.toBeInstanceOf(
    APIError,
  );
  expect(edge.calls).toHaveLength(1);
});

test("a rate limit with a long wait is not hammered by the client", async () => {
  const retryInfo = googleRpc.RetryInfo.fromPartial({ retryDelay: { seconds: 61n } });
  const edge = await startTestEdge({
    invoke: () =>
      Promise.reject(
        createRoutingError({
          code: "RESOURCE_EXHAUSTED",
          reason: "TARGETS_RATE_LIMITED",
          message: "Limited.",
          details: [{ type: "google.rpc.RetryInfo", value: googleRpc.RetryInfo.encode(retryInfo).finish() }],
        }),
      ),
  });
  await expect(createClient(edge.url).chat.completions.create({ model: "chat", messages })).rejects.toBeInstanceOf(
    RateLimitError,
  );
  expect(edge.calls).toHaveLength(1);
});
