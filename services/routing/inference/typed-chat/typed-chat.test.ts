import { describe, expect, it } from "vitest";
import { inferenceV1 } from "#contracts";
import { hashApiKey } from "#secrets";
import { FakeTransport, type Play } from "../../testing/fake-transport.ts";
import { apiKey, inShort, TestRouting } from "../../testing/test-routing.ts";
import { fromOpenAiAnswer } from "./from-openai-answer.ts";
import { toOpenAiRequest } from "./to-openai-request.ts";

const { ChatRole } = inferenceV1;

function requestOf(fields: Partial<inferenceV1.ChatCompletionRequest>): inferenceV1.ChatCompletionRequest {
  return {
    ...inferenceV1.ChatCompletionRequest.fromPartial({}),
    endpoint: "chat",
    messages: [messageOf({ content: [{ part: { $case: "text", value: "hi" } }] })],
    ...fields,
  };
}

function messageOf(fields: Partial<inferenceV1.ChatMessage>): inferenceV1.ChatMessage {
  return { ...inferenceV1.ChatMessage.fromPartial({}), role: ChatRole.USER, ...fields };
}

function imageOf(image: Partial<inferenceV1.ImagePart>): inferenceV1.ChatMessage {
  const value = { source: undefined, mediaType: "", detail: "", ...image };
  return messageOf({ content: [{ part: { $case: "image", value } }] });
}

const toJson = (fields: Partial<inferenceV1.ChatCompletionRequest>, stream = false) =>
  JSON.parse(toOpenAiRequest(requestOf(fields), stream).toString()) as Record<string, unknown>;

describe("a typed request", () => {
  it("says nothing that was not set", () => {
    expect(toJson({})).toEqual({ model: "chat", messages: [{ role: "user", content: "hi" }] });
    expect(toJson({}, true)).toMatchObject({ stream: true });
  });

  it("has every typed field in OpenAI's words, and the further ones beside them", () => {
    const body = toJson({
      temperature: 0,
      topP: 0.5,
      maxTokens: 100,
      stop: ["END"],
      n: 2,
      seed: 42n,
      tools: [{ name: "look", description: "", parameters: { type: "object" }, strict: true }],
      toolChoice: { choice: { $case: "functionName", value: "look" } },
      parallelToolCalls: false,
      responseFormat: {
        format: {
          $case: "jsonSchema",
          value: { name: "s", description: "d", schema: { type: "object" }, strict: false },
        },
      },
      reasoningEffort: "low",
      extra: { logprobs: true, metadata: { a: "b" } },
    });
    expect(body).toMatchInlineSnapshot(`
      {
        "logprobs": true,
        "max_completion_tokens": 100,
        "messages": [
          {
            "content": "hi",
            "role": "user",
          },
        ],
        "metadata": {
          "a": "b",
        },
        "model": "chat",
        "n": 2,
        "parallel_tool_calls": false,
        "reasoning_effort": "low",
        "response_format": {
          "json_schema": {
            "description": "d",
            "name": "s",
            "schema": {
              "type": "object",
            },
            "strict": false,
          },
          "type": "json_schema",
        },
        "seed": 42,
        "stop": [
          "END",
        ],
        "temperature": 0,
        "tool_choice": {
          "function": {
            "name": "look",
          },
          "type": "function",
        },
        "tools": [
          {
            "function": {
              "name": "look",
              "parameters": {
                "type": "object",
              },
              "strict": true,
            },
            "type": "function",
          },
        ],
        "top_p": 0.5,
      }
    `);
  });

  it.each([
    ["text", { type: "text" }],
    ["jsonObject", { type: "json_object" }],
  ] as const)("asks for the format %s in OpenAI's words", ($case, expected) => {
    expect(toJson({ responseFormat: { format: { $case, value: {} } } }).response_format).toEqual(expected);
    expect(toJson({ responseFormat: { format: undefined } })).not.toHaveProperty("response_format");
  });

  it("has messages of every kind", () => {
    const messages = [
      messageOf({ role: ChatRole.SYSTEM, content: [{ part: { $case: "text", value: "be brief" } }] }),
      messageOf({
        name: "ann",
        content: [
          { part: { $case: "text", value: "what is this" } },
          {
            part: {
              $case: "image",
              value: { source: { $case: "url", value: "https://x.test/a.png" }, mediaType: "", detail: "low" },
            },
          },
          {
            part: {
              $case: "image",
              value: { source: { $case: "data", value: Buffer.from("png") }, mediaType: "image/png", detail: "" },
            },
          },
          { part: { $case: "audio", value: { data: Buffer.from("wav"), format: "wav" } } },
        ],
      }),
      messageOf({ role: ChatRole.ASSISTANT, toolCalls: [{ id: "c1", name: "look", arguments: "{}" }] }),
      messageOf({ role: ChatRole.TOOL, toolCallId: "c1", content: [{ part: { $case: "text", value: "a cat" } }] }),
    ];
    expect(toJson({ messages }).messages).toEqual([
      { role: "system", content: "be brief" },
      {
        role: "user",
        name: "ann",
        content: [
          { type: "text", text: "what is this" },
          { type: "image_url", image_url: { url: "https://x.test/a.png", detail: "low" } },
          { type: "image_url", image_url: { url: "data:image/png;base64,cG5n" } },
          { type: "input_audio", input_audio: { data: "d2F2", format: "wav" } },
        ],
      },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "c1", content: "a cat" },
    ]);
  });

  it.each([
    ["a typed field in extra", { extra: { temperature: 1 } }, "extra.temperature"],
    ["a streaming option in extra", { extra: { stream_options: {} } }, "extra.stream_options"],
    ["a role that is not set", { messages: [messageOf({ role: ChatRole.UNSPECIFIED })] }, "messages[0].role"],
    [
      "a part that is not set",
      { messages: [messageOf({ content: [{ part: undefined }] })] },
      "messages[0].content[0].part",
    ],
    [
      "an image that is not there",
      { messages: [imageOf({ source: undefined })] },
      "messages[0].content[0].image.source",
    ],
    [
      "an image of bytes without its type",
      { messages: [imageOf({ source: { $case: "data", value: Buffer.from("png") } })] },
      "messages[0].content[0].image.media_type",
    ],
    ["a seed that JSON cannot hold", { seed: 2n ** 60n }, "seed"],
  ])("with %s is refused, and the field is named", (_name, fields, field) => {
    expect(() => toOpenAiRequest(requestOf(fields), false)).toThrowError(
      expect.objectContaining({ code: "INVALID_ARGUMENT", metadata: { field } }),
    );
  });
});

const trail = inferenceV1.RouteTrail.fromPartial({});

describe("a typed response", () => {
  it("holds what the provider said, and its further fields as they are", () => {
    const answer = {
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "m-1",
      system_fingerprint: "fp",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: "hello",
            refusal: null,
            reasoning_content: "because",
            tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"a":1}' } }],
          },
          finish_reason: "tool_calls",
        },
      ],
      usage: {
        prompt_tokens: 7,
        completion_tokens: 3,
        prompt_tokens_details: { cached_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
    };
    expect(fromOpenAiAnswer(Buffer.from(JSON.stringify(answer)), trail)).toEqual({
      id: "chatcmpl-1",
      model: "m-1",
      created: 1_700_000_000n,
      choices: [
        {
          index: 0,
          message: {
            role: ChatRole.ASSISTANT,
            content: [{ part: { $case: "text", value: "hello" } }],
            toolCalls: [{ id: "c1", name: "look", arguments: '{"a":1}' }],
            toolCallId: "",
            name: "",
          },
          finishReason: "tool_calls",
          refusal: "",
          reasoning: "because",
        },
      ],
      usage: { inputTokens: 7n, outputTokens: 3n, totalTokens: 10n, cachedInputTokens: 2n, reasoningTokens: 1n },
      trail,
      extra: { object: "chat.completion", system_fingerprint: "fp" },
    });
  });

  it("bears what providers leave out or null", () => {
    const choices = [
      { message: { content: [{ type: "text", text: "a" }, { type: "thinking" }], tool_calls: null } },
      {},
    ];
    const response = fromOpenAiAnswer(Buffer.from(JSON.stringify({ choices, usage: null, created: null })), trail);
    expect(response.usage).toBeUndefined();
    expect(response.created).toBe(0n);
    expect(response.choices.map(({ message }) => message?.content)).toEqual([
      [{ part: { $case: "text", value: "a" } }],
      [],
    ]);
  });
});

describe("a typed call", () => {
  const chunk = (delta: unknown, finish: string | null, more: object = {}) =>
    `data: ${JSON.stringify({ text: "x", finish: finish ?? undefined, id: "c-1", created: 5, model: "m-1", choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`;
  const streamed: Play = (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" });
    const call = { index: 0, id: "t1", function: { name: "look", arguments: "{" } };
    exchange.data(chunk({ role: "assistant", content: "he" }, null));
    exchange.data(chunk({ content: "llo" }, null) + chunk({ tool_calls: [call] }, null));
    exchange
      .data(chunk({}, "stop", { usage: { inputTokens: 2, outputTokens: 1, prompt_tokens: 2, completion_tokens: 1 } }))
      .data("data: [DONE]\n\n");
    exchange.end();
  };
  const endpoints = [{ targets: [{ model: "one" }] }];

  it("streams the same answer in pieces, from the same engine", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(streamed), endpoints });
    const events: inferenceV1.StreamChatCompletionResponse["event"][] = [];
    for await (const { event } of routing.inference.streamChatCompletion({ request: requestOf({}) })) {
      events.push(event);
    }
    expect(events.map((event) => event?.$case)).toEqual(["start", "delta", "delta", "delta", "delta", "end"]);
    const [start, ...deltas] = events;
    expect(start?.value).toMatchObject({ id: "c-1", model: "m-1", created: 5n });
    const told = deltas.map((event) => (event?.$case === "delta" ? event.value : undefined));
    expect(told.map((delta) => delta?.text).join("")).toBe("hello");
    expect(told[2]?.toolCalls).toEqual([{ index: 0, id: "t1", name: "look", arguments: "{" }]);
    expect(told[3]?.finishReason).toBe("stop");
    const end = events.at(-1);
    expect(end?.$case === "end" ? end.value.usage : undefined).toMatchObject({ inputTokens: 2n, totalTokens: 3n });
    expect(inShort(end?.$case === "end" ? end.value.trail : undefined)).toEqual(["1 fake/one 200 SERVED"]);
  });

  it("is answered in one piece, from the same engine", async () => {
    const answer = { text: "x", choices: [{ index: 0, message: { content: "hello" }, finish_reason: "stop" }] };
    const transport = new FakeTransport((exchange) => void exchange.head(200).data(JSON.stringify(answer)).end());
    const routing = new TestRouting({ transport, endpoints });
    const response = await routing.inference.chatCompletion(requestOf({}));
    expect(response.choices[0]?.message?.content).toEqual([{ part: { $case: "text", value: "hello" } }]);
    expect(inShort(response.trail)).toEqual(["1 fake/one 200 SERVED"]);
  });

  it("without messages is refused as any body is", async () => {
    const routing = new TestRouting({ transport: new FakeTransport(streamed), endpoints });
    await expect(routing.inference.chatCompletion(requestOf({ messages: [] }))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "INVALID_BODY",
      metadata: { param: "messages" },
    });
  });

  it("that is not there at all is refused", async () => {
    const transport = new FakeTransport(streamed);
    const routing = new TestRouting({ transport, endpoints });
    const stream = routing.inference.streamChatCompletion({ request: undefined });
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      metadata: { field: "request" },
    });
    expect(transport.exchanges).toEqual([]);
  });

  it("shows its metadata to rules, and no credential", async () => {
    const rules = [
      { name: "r", when: '"x-tier" in request.headers && !("authorization" in request.headers)', use: ["two"] },
    ];
    const targets = [{ model: "one" }, { model: "two", fallback: 1 }];
    const routing = new TestRouting({ transport: new FakeTransport(streamed), endpoints: [{ targets, rules }] });
    const context = { metadata: { authorization: "Bearer sk-of-the-caller", "x-tier": "gold" } };
    for await (const { event } of routing.inference.streamChatCompletion({ request: requestOf({}) }, context)) {
      if (event?.$case === "end") {
        expect(inShort(event.value.trail)).toEqual(["1 fake/two 200 SERVED"]);
      }
    }
    expect(routing.requestSpan?.attributes).toMatchObject({ "spillway.served.target": "fake/two" });
  });

  it("of a stranger is refused before its message is looked at", async () => {
    const keys = [apiKey("app", hashApiKey("key"))];
    const routing = new TestRouting({ transport: new FakeTransport(streamed), endpoints, keys });
    const answer = routing.inference.chatCompletion(requestOf({ extra: { model: "x" } }));
    await expect(answer).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });
});
