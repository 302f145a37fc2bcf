import { describe, expect, it } from "vitest";
import { type configV1, inferenceV1 } from "#contracts";
import { findProvider } from "#providers";
import type { RpcError } from "#rpc";
import { quickRetries } from "../testing/config-messages.ts";
import { type FakeExchange, FakeTransport, type Play } from "../testing/fake-transport.ts";
import { holdTime } from "../testing/hold-time.ts";
import { sealTestSecret } from "../testing/seal-test-secret.ts";
import { inShort, TestRouting, type TestRoutingOptions } from "../testing/test-routing.ts";

const provider = findProvider("openai-compatible");
const baseUrl = "http://upstream.test/v1";
const event = (choices: unknown, members: object = {}) =>
  `data: ${JSON.stringify({ id: "c", created: 1, model: "m", choices, ...members })}\n\n`;
const text = (content: unknown) => event([{ index: 0, delta: { content }, finish_reason: null }]);
const finish = event([{ index: 0, delta: {}, finish_reason: "stop" }]);
const done = "data: [DONE]\n\n";
const healthy = text("by two") + finish + done;

const streams =
  (...pieces: readonly string[]): Play =>
  (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      exchange.data(piece);
    }
    exchange.end();
  };
const streamsAndBreaks =
  (...pieces: readonly string[]): Play =>
  (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      exchange.data(piece);
    }
    exchange.fail("reset");
  };
const answers =
  (body: unknown): Play =>
  (exchange) =>
    void exchange
      .head(200)
      .data(typeof body === "string" ? body : JSON.stringify(body))
      .end();

function route(policy: Partial<configV1.Policy>, plays: readonly Play[], more: Partial<TestRoutingOptions> = {}) {
  const targets = [
    { model: "one", baseUrl, ...(more.secrets !== undefined && { secretId: "s-1" }) },
    { model: "two", baseUrl, fallback: 1 },
  ];
  const transport = new FakeTransport(...plays);
  const endpoints = [{ targets, policy: { retries: quickRetries(0), ...policy } }];
  const routing = new TestRouting({ transport, endpoints, ...more, ...(provider !== undefined && { provider }) });
  return { transport, routing };
}

const completion = (choice: object, members: object = {}) => ({
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop", ...choice }],
  ...members,
});

describe("token counts that no number on the wire can hold", () => {
  it("are cut, and the stream ends as it did", async () => {
    const absurd = event([{ index: 0, delta: { content: "a" } }], {
      usage: { prompt_tokens: 1e19, completion_tokens: 1 },
    });
    const { routing } = route({}, [streamsAndBreaks(absurd)]);
    const seen = await routing.readStream();
    expect(seen.error).toMatchObject({ reason: "STREAM_BROKEN", metadata: { class: "PROVIDER_STREAM_TRUNCATED" } });
    expect(routing.requestSpan?.attributes["spillway.usage.input_tokens"]).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("are cut in an answer in one piece, which is served", async () => {
    const { routing } = route({}, [answers(completion({}, { usage: { prompt_tokens: 1e300, completion_tokens: 2 } }))]);
    const { trail } = await routing.invoke();
    expect(trail?.attempts[0]?.inputTokens).toBe(BigInt(Number.MAX_SAFE_INTEGER));
    expect(inferenceV1.RouteTrail.encode(trail as inferenceV1.RouteTrail).finish().length).toBeGreaterThan(0);
  });
});

it("any number of finish reasons is read in linear time, and few are kept", async () => {
  const many = event(Array.from({ length: 200_000 }, () => ({ finish_reason: "a" })));
  const { routing } = route({}, [streams(text("hello"), many, done)]);
  await routing.readStream();
  expect(routing.attemptSpans[0]?.attributes["gen_ai.response.finish_reasons"]).toHaveLength(128);
});

it("a text that a provider says of itself is cut in the span", async () => {
  const { routing } = route({}, [answers(completion({}, { model: "m".repeat(10_000) }))]);
  await routing.invoke();
  expect(String(routing.attemptSpans[0]?.attributes["gen_ai.response.model"]).length).toBeLessThan(300);
});

it("a secret that comes back as the model's name is in no span", async () => {
  const secrets = [sealTestSecret("team_9f8e7d6c5b4a")];
  const plays = [answers(completion({}, { model: "team_9f8e7d6c5b4a" }))];
  const { routing } = route({}, plays, { secrets });
  await routing.invoke();
  expect(JSON.stringify(routing.spans)).not.toContain("team_9f8e7d6c5b4a");
});

describe("an error that a stream names as its event", () => {
  const named = 'event: error\ndata: {"message":"key sk-abcdef123456 leaked"}\n\n';

  it("ends a committed stream without its text", async () => {
    const { routing } = route({}, [streams(text("hel"), named, finish, done)]);
    const seen = await routing.readStream();
    expect(seen.error).toMatchObject({ reason: "STREAM_BROKEN" });
    expect(seen.text).toBe(text("hel"));
  });

  it("moves on in complete mode", async () => {
    const { routing } = route({ streamMode: 2 }, [streams(text("hel"), named, finish, done), streams(healthy)]);
    expect((await routing.readStream()).text).toBe(healthy);
  });
});

it("a success that is wrapped in a list is no answer, whatever its length", async () => {
  for (const content of ["hi", "x".repeat(5_000)]) {
    const wrapped = [completion({ message: { role: "assistant", content } })];
    const { routing } = route({}, [answers(wrapped), answers(completion({}))]);
    expect(inShort((await routing.invoke()).trail)).toEqual(["1 fake/one 200 NEXT", "2 fake/two 200 SERVED"]);
  }
});

it.each([
  ["a line feed", "\n"],
  ["an escape that JSON does not have", "\\x41"],
  ["half an escape", "\\u12"],
])("a long answer with %s in a string is no answer", async (_what, inside) => {
  const body = JSON.stringify(completion({ message: { role: "assistant", content: "x".repeat(5_000) } }));
  const { routing } = route({}, [answers(body.replace("xx", `x${inside}`)), answers(completion({}))]);
  expect(inShort((await routing.invoke()).trail)).toEqual(["1 fake/one 200 NEXT", "2 fake/two 200 SERVED"]);
});

it("complete mode holds no more than so many events, however small they are", async () => {
  const tiny = "data:{}\n\n".repeat(10_000);
  const endless: Play = (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" });
    for (let count = 0; count < 20 && !exchange.isPaused; count += 1) {
      exchange.data(tiny);
    }
  };
  const { transport, routing } = route({ streamMode: 2 }, [endless]);
  const reader = routing.stream()[Symbol.asyncIterator]();
  expect((await reader.next()).value?.event?.$case).toBe("head");
  expect(transport.exchanges[0]?.isPaused).toBe(true);
  await reader.return?.();
});

it("an answer that was held comes in messages that gRPC takes", async () => {
  const large = text("x".repeat(700 * 1024));
  const { routing } = route({ streamMode: 2 }, [streams(large, large, large, finish, done)]);
  const sizes: number[] = [];
  let whole = "";
  for await (const { event: message } of routing.stream()) {
    if (message?.$case === "data") {
      sizes.push(message.value.length);
      whole += message.value.toString();
    }
  }
  expect(sizes.length).toBeGreaterThan(2);
  expect(Math.max(...sizes)).toBeLessThan(1024 * 1024);
  expect(whole).toBe(large.repeat(3) + finish + done);
});

it("the trail goes into the data of the usage event, not into a comment before it", async () => {
  const usage = `: {hello}\nid: {7}\n${event([], { usage: { prompt_tokens: 1, completion_tokens: 2 } })}`;
  const { routing } = route({}, [streams(text("hi"), finish, usage, done)]);
  const seen = await routing.readStream({ members: { stream_options: { include_usage: true } } });
  const told = seen.text.slice(seen.text.indexOf(": {hello}"));
  expect(told).toContain(": {hello}\nid: {7}\ndata: ");
  const data = told.split("\n").find((line) => line.startsWith("data: ")) ?? "";
  expect(JSON.parse(data.slice("data: ".length))).toMatchObject({ spillway: { endpoint: "chat" } });
});

it("a reader who takes nothing for as long as an attempt may take has gone", async () => {
  const floods: Play = (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" }).data(text("hi"));
    for (let count = 0; count < 5; count += 1) {
      exchange.data(text("x".repeat(100 * 1024)));
    }
  };
  const time = holdTime();
  const policy = { timeouts: { attemptMs: 60, idleMs: 10 } };
  const { transport, routing } = route(policy, [floods]);
  const reader = routing.stream()[Symbol.asyncIterator]();
  await reader.next();
  time.advance(50);
  expect(transport.exchanges[0]?.isAborted).toBe(false);
  time.advance(10);
  expect(transport.exchanges[0]?.isAborted).toBe(true);
  expect(routing.attemptSpans).toMatchObject([
    { attributes: { "spillway.attempt.failure_class": "CALLER_CANCELLED" } },
  ]);
});

it("a reader who takes a little now and then has not gone, however long the rest takes", async () => {
  const floods: Play = (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" }).data(text("hi"));
    for (let count = 0; count < 20; count += 1) {
      exchange.data(text("x".repeat(100 * 1024)));
    }
  };
  const time = holdTime();
  const { transport, routing } = route({ timeouts: { attemptMs: 60, idleMs: 10 } }, [floods]);
  const reader = routing.stream()[Symbol.asyncIterator]();
  await reader.next();
  for (let count = 0; count < 10; count += 1) {
    time.advance(50);
    await reader.next();
  }
  expect(transport.exchanges[0]?.isPaused).toBe(true);
  expect(transport.exchanges[0]?.isAborted).toBe(false);
  time.advance(60);
  expect(transport.exchanges[0]?.isAborted).toBe(true);
});

it("a header that no provider could be sent is the caller's fault, and nobody else's", async () => {
  const { transport, routing } = route({}, [answers(completion({}))]);
  const error = (await routing
    .invoke({ headers: { "openai-beta": "a\nb" } })
    .catch((thrown: unknown) => thrown)) as RpcError;
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining("openai-beta") });
  expect(transport.exchanges).toHaveLength(0);
  expect(routing.spans).toEqual([]);
});

it("a secret of which no header can be made is told to operators, and the next target answers", async () => {
  const unsendable: Play = (exchange) => void exchange.handler.onFailure("unsendable", false);
  const { routing } = route({}, [unsendable, answers(completion({}))]);
  const { trail } = await routing.invoke();
  expect(inShort(trail)).toEqual(["1 fake/one 0 NEXT", "2 fake/two 200 SERVED"]);
  expect(routing.attemptSpans[0]?.attributes["spillway.attempt.failure_class"]).toBe("PROVIDER_CREDENTIALS_REJECTED");
  expect(routing.logged).toContainEqual(expect.objectContaining({ level: "error" }));
});

describe("a provider whose members are of other types than OpenAI's", () => {
  const request = inferenceV1.ChatCompletionRequest.fromPartial({
    endpoint: "chat",
    messages: [{ role: inferenceV1.ChatRole.USER, content: [{ part: { $case: "text", value: "hi" } }] }],
  });
  let nested: unknown = 1;
  for (let level = 0; level < 300; level += 1) {
    nested = { nested };
  }

  it.each([
    ["a number as text", completion({ message: { content: 5, refusal: 7, reasoning: [] } })],
    ["an object as text", completion({ message: { content: {} } })],
    ["tool calls that are none", completion({ message: { content: "hi", tool_calls: {} } })],
    ["a null among tool calls", completion({ message: { content: "hi", tool_calls: [null] } })],
    ["a negative place", completion({ index: -1 })],
    ["a place beyond 32 bits", completion({ index: 2 ** 32 })],
    ["a time beyond all numbers", completion({}, { created: 1e30 })],
    ["a name that is none", completion({}, { id: 5, model: {} })],
    ["members within members", completion({}, { deep: nested })],
    ["usage that is none", completion({}, { usage: { prompt_tokens: "3", completion_tokens: -1, total_tokens: [] } })],
  ])("is read with care: %s", async (_what, body) => {
    const { routing } = route({}, [answers(body)]);
    const answer = await routing.inference.chatCompletion(request);
    const { encode, decode } = inferenceV1.ChatCompletionResponse;
    expect(decode(encode(answer).finish()).choices).toHaveLength(1);
  });

  it("is read with care in a stream, and a last event of its kind that is cut ends it as any cut does", async () => {
    const odd = [
      event([{ index: -1, delta: { content: 5 } }]),
      event([{ index: 0, delta: { content: "a", tool_calls: [null, { index: 1e12, id: 3, function: "f" }] } }]),
      event("none", { usage: 7 }),
    ];
    const cut = event([{ index: 0, delta: { content: { a: 1 } }, finish_reason: "stop" }]).trimEnd();
    const { routing } = route({}, [streamsAndBreaks(...odd, cut)]);
    const messages: Buffer[] = [];
    const read = async () => {
      for await (const message of routing.inference.streamChatCompletion({ request })) {
        messages.push(Buffer.from(inferenceV1.StreamChatCompletionResponse.encode(message).finish()));
      }
    };
    await expect(read()).rejects.toMatchObject({ reason: "STREAM_BROKEN" });
    expect(messages.length).toBeGreaterThan(1);
  });

  it("is read in a stream whatever blanks stand before it", async () => {
    const blank = text("hi").replace("data: ", "data: \ufeff\u00a0");
    const { routing } = route({}, [streams(blank, finish, done)]);
    const said: string[] = [];
    for await (const { event: told } of routing.inference.streamChatCompletion({ request })) {
      if (told?.$case === "delta") {
        said.push(told.value.text ?? "");
      }
    }
    expect(said.join("")).toBe("hi");
  });

  it("is refused a role that does not exist", async () => {
    const { routing } = route({}, [answers(completion({}))]);
    const wrong = { ...request, messages: request.messages.map((message) => ({ ...message, role: 99 as 1 })) };
    await expect(routing.inference.chatCompletion(wrong)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

it("a fault of the gateway in the midst of an answer ends that answer alone", async () => {
  const boom = () => {
    throw new Error("a bug");
  };
  const faulty = { ...(provider as NonNullable<typeof provider>), classify: boom };
  const plays: Play[] = [
    (exchange: FakeExchange) => void exchange.head(422).data("{").fail("reset"),
    (exchange: FakeExchange) => void exchange.head(422).data("{").end(),
  ];
  for (const play of plays) {
    const transport = new FakeTransport(play);
    const routing = new TestRouting({
      transport,
      endpoints: [{ targets: [{ model: "one", baseUrl }] }],
      provider: faulty,
    });
    const error = await routing.invoke().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "INTERNAL" });
    expect(routing.logged).toContainEqual(expect.objectContaining({ level: "error" }));
  }
});
