import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { enumName, errorsV1 } from "#contracts";
import { chatChunk, chatStream, scriptedUsage, sseEvent } from "../../../test/harness/scripted-upstream.ts";
import type { CanonicalEvent } from "../provider.ts";
import { ChatStreamDecoder } from "./chat-stream-decoder.ts";
import type { OpenAiWireQuirks } from "./openai-wire-row.ts";

function decodePieces(
  pieces: readonly (string | Buffer)[],
  { quirks = {}, choiceCount = 1 }: { readonly quirks?: OpenAiWireQuirks; readonly choiceCount?: number } = {},
): CanonicalEvent[] {
  const decoder = new ChatStreamDecoder({ quirks, choiceCount });
  const events = pieces.flatMap((piece) => decoder.push(Buffer.from(piece)));
  return [...events, ...decoder.end()];
}

function decode(text: string, quirks: OpenAiWireQuirks = {}): CanonicalEvent[] {
  return decodePieces([text], { quirks });
}

function decodeOne(chunk: unknown, quirks: OpenAiWireQuirks = {}): CanonicalEvent {
  const [event] = decode(sseEvent(chunk), quirks);
  if (event === undefined) {
    throw new Error("no event");
  }
  return event;
}

const delta = (value: unknown, finishReason: string | null = null) => chatChunk("m", value, finishReason);
const bytesOf = (events: readonly CanonicalEvent[]) => Buffer.concat(events.map(({ bytes }) => bytes)).toString();
const marksOf = (events: readonly CanonicalEvent[]) =>
  events.map(({ bytes: _bytes, ...marks }) => ({ ...marks, failure: failureOf(marks) }));

function failureOf({ failure }: Pick<CanonicalEvent, "failure">): string | undefined {
  return failure === undefined ? undefined : enumName(errorsV1.FailureClass, failure.failureClass);
}

describe("an ordinary stream", () => {
  const text = chatStream({ words: ["Hello", " wörld", ' "\n"', "🐎"], usage: scriptedUsage }).body?.join("") ?? "";

  test("is passed on byte for byte but for its last marker", () => {
    const events = decode(text);
    expect(`${bytesOf(events)}data: [DONE]\n\n`).toBe(text);
    expect(events.map(({ isOutput }) => isOutput)).toEqual([false, true, true, true, true, false, false, false]);
    expect(events.map(({ isFinished }) => isFinished)).toEqual([false, false, false, false, false, true, true, true]);
    expect(events.at(-2)).toMatchObject({ isUsageOnly: true, usage: { inputTokens: 9, outputTokens: 3 } });
    expect(events.at(-1)).toMatchObject({ isDone: true, isOutput: false });
    expect(events.at(-3)?.finishReasons).toEqual(["stop"]);
    expect(events.slice(0, -1).every(({ model }) => model === "scripted-model")).toBe(true);
  });

  test("means the same wherever it is cut", () => {
    const bytes = Buffer.from(text);
    const expected = marksOf(decode(text));
    for (const size of [1, 2, 3, 5, 17, 100]) {
      const pieces: Buffer[] = [];
      for (let start = 0; start < bytes.length; start += size) {
        pieces.push(bytes.subarray(start, start + size));
      }
      const events = decodePieces(pieces);
      expect(marksOf(events)).toEqual(expected);
      expect(`${bytesOf(events)}data: [DONE]\n\n`).toBe(text);
    }
  });

  test.each(["\r\n", "\r"] as const)("means the same with line ends %j", (lineEnd) => {
    const other = chatStream({ words: ["Hello", " wörld", ' "\n"', "🐎"], usage: scriptedUsage, lineEnd });
    expect(marksOf(decode(other.body?.join("") ?? ""))).toEqual(marksOf(decode(text)));
  });

  test("keeps fields that are not known, event names and ids", () => {
    const stream = `event: message\nid: 4\ndata: {"choices":[{"delta":{"content":"a","new":[1]},"x":null}],"vendor":{"y":1}}\n\n`;
    expect(bytesOf(decode(stream))).toBe(stream);
  });
});

describe("what is output", () => {
  test.each([
    ["text", { content: "a" }],
    ["a blank", { content: " " }],
    ["parts", { content: [{ type: "text", text: "a" }] }],
    ["a part that is text alone", { content: ["a"] }],
    ["a part of an unknown kind", { content: [{ type: "news", body: "a" }] }],
    ["thinking parts", { content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] }],
    ["a tool call", { tool_calls: [{ index: 0, id: "1", function: { name: "f", arguments: "" } }] }],
    ["an old function call", { function_call: { name: "f" } }],
    ["reasoning_content", { reasoning_content: "hm" }],
    ["reasoning", { content: "", reasoning: "hm" }],
    ["reasoning_details", { reasoning_details: [{ type: "reasoning.text", text: "hm" }] }],
    ["a refusal", { refusal: "no" }],
    ["audio", { audio: { id: "a", data: "AAAA" } }],
    ["a transcript", { audio: { transcript: "a" } }],
    ["an image", { images: [{ image_url: {} }] }],
  ])("%s is", (_name, value) => {
    expect(decodeOne(delta(value)).isOutput).toBe(true);
  });

  test.each([
    ["a role", { role: "assistant" }],
    ["a role and empty text", { role: "assistant", content: "" }],
    ["nothing", {}],
    ["null", null],
    ["null text", { content: null }],
    ["no parts", { content: [] }],
    ["empty parts", { content: [{ type: "text", text: "" }, { type: "news" }, "", null] }],
    ["no tool calls", { tool_calls: [] }],
    ["audio with only an id", { audio: { id: "a" } }],
    ["empty reasoning", { reasoning: "", reasoning_content: null, refusal: null }],
  ])("%s is not", (_name, value) => {
    expect(decodeOne(delta(value))).toMatchObject({ isOutput: false, isFinished: false, failure: undefined });
  });

  test.each([
    ["Azure's prompt filter", { id: "", model: "", choices: [], prompt_filter_results: [{}] }],
    ["no choices", { id: "x", choices: null }],
    ["odd choices", { choices: [null, 7, "a", {}] }],
    ["padding", { choices: [{ index: 0, delta: {} }], obfuscation: "abcdef" }],
    ["an unknown kind", { kind: "news", payload: { content: "a" } }],
    ["a number", 7],
    ["null", null],
    ["a list", [1, 2]],
  ])("%s is not, and is passed on", (_name, chunk) => {
    const event = decodeOne(chunk);
    expect(event).toMatchObject({ isOutput: false, isUsageOnly: false, failure: undefined });
    expect(event.bytes.toString()).toBe(sseEvent(chunk));
  });

  test("comments and pings only keep alive", () => {
    const events = decode(': hello\n\nevent: ping\ndata: {"type":"ping"}\n\ndata:\n\nretry: 5\n\n');
    expect(events.map(({ isKeepAlive, isOutput }) => [isKeepAlive, isOutput])).toEqual(Array(4).fill([true, false]));
    expect(bytesOf(events)).toBe(": hello\n\nretry: 5\n\n");
  });
});

describe("the end of an answer", () => {
  test("with several choices is when as many as were asked for have finished, in whatever order they come", () => {
    const choice = (index: number, finish: string | null) => ({
      choices: [{ index, delta: { content: "a" }, finish_reason: finish }],
    });
    const chunks = [choice(0, null), choice(1, null), choice(0, "stop"), choice(1, "length")];
    const events = decodePieces(
      chunks.map((chunk) => sseEvent(chunk)),
      { choiceCount: 2 },
    );
    expect(events.map(({ isFinished }) => isFinished)).toEqual([false, false, false, true]);
    expect(events.map(({ finishReasons }) => finishReasons)).toEqual([[], [], ["stop"], ["length"]]);
    const oneByOne = [choice(0, null), choice(0, "stop"), choice(1, null), choice(1, "stop")];
    expect(
      decodePieces(
        oneByOne.map((chunk) => sseEvent(chunk)),
        { choiceCount: 2 },
      ).map(({ isFinished }) => isFinished),
    ).toEqual([false, false, false, true]);
  });

  test("may come with fewer choices than were asked for, but with none that began and has no end", () => {
    const decoder = new ChatStreamDecoder({ choiceCount: 3 });
    const push = (index: number, finish: string | null) => {
      decoder.push(Buffer.from(sseEvent({ choices: [{ index, delta: { content: "a" }, finish_reason: finish }] })));
      return decoder.hasWholeChoices;
    };
    expect([push(0, null), push(0, "stop"), push(1, null), push(1, "stop")]).toEqual([false, true, false, true]);
  });

  test("never comes of an answer with more choices than can be asked for", () => {
    const choices = Array.from({ length: 1_025 }, (_, index) => ({ index, delta: { content: "a" } }));
    expect(decodeOne({ choices }).failure).toMatchObject({ failureClass: errorsV1.FailureClass.PROVIDER_BAD_RESPONSE });
  });

  test("comes with a tool call and usage in one chunk", () => {
    const chunk = {
      ...delta({ tool_calls: [{ function: { name: "f" } }] }, "tool_calls"),
      usage: { prompt_tokens: 1 },
    };
    expect(decodeOne(chunk)).toMatchObject({
      isOutput: true,
      isFinished: true,
      isUsageOnly: false,
      usage: { inputTokens: 1, outputTokens: 0 },
    });
  });

  test("may lack its blank line when it completes the answer", () => {
    const finish = sseEvent(delta({}, "stop"));
    expect(decode(finish.trimEnd())).toMatchObject([{ isFinished: true, bytes: Buffer.from(finish) }]);
    expect(decode(`${finish}data: [DONE]`).at(-1)).toMatchObject({ isDone: true });
    expect(decode(`${finish}${sseEvent({ choices: [], usage: { prompt_tokens: 1 } }).trimEnd()}`)).toHaveLength(2);
    expect(decode('data: {"error":{"message":"no"}}')).toMatchObject([{ failure: {} }]);
  });

  test("is not there when the last event is cut", () => {
    expect(decode(sseEvent(delta({ content: "a" })).trimEnd())).toEqual([]);
    expect(decode(sseEvent(delta({}, "stop")).slice(0, -6))).toEqual([]);
    expect(decode("")).toEqual([]);
  });

  test("an empty finish reason is none", () => {
    expect(decodeOne(delta({ content: "a" }, ""))).toMatchObject({ isFinished: false, finishReasons: [] });
  });
});

describe("usage", () => {
  test.each([
    ["beside empty choices", { choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } }, 4],
    ["of Groq's own field", { choices: [], x_groq: { usage: { prompt_tokens: 3, completion_tokens: 4 } } }, 4],
  ])("is read %s", (_name, chunk, outputTokens) => {
    expect(decodeOne(chunk)).toMatchObject({ isUsageOnly: true, usage: { inputTokens: 3, outputTokens } });
  });

  test("has reasoning added where a provider leaves it out", () => {
    const usage = { prompt_tokens: 12, completion_tokens: 1, completion_tokens_details: { reasoning_tokens: 290 } };
    const chunk = { choices: [], usage };
    expect(decodeOne(chunk, { addsReasoningTokens: true }).usage).toEqual({ inputTokens: 12, outputTokens: 291 });
    expect(decodeOne(chunk).usage).toEqual({ inputTokens: 12, outputTokens: 1 });
  });

  test.each([null, 7, {}, [], { prompt_tokens: "3" }, { prompt_tokens: -1 }])("%j is none", (usage) => {
    expect(decodeOne({ choices: [], usage })).toMatchObject({ usage: undefined, isUsageOnly: false });
  });
});

describe("a failure inside the stream", () => {
  test.each([
    ["an error object", 'data: {"error":{"message":"no","type":"server_error"}}\n\n', "PROVIDER_ERROR"],
    ["an error text", 'data: {"error":"boom"}\n\n', "PROVIDER_BAD_RESPONSE"],
    [
      "an error event of Anthropic's",
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n',
      "PROVIDER_OVERLOADED",
    ],
    ["Groq's own field", 'data: {"choices":[],"x_groq":{"error":"over capacity"}}\n\n', "PROVIDER_BAD_RESPONSE"],
    ["code and error", 'data: {"code":"x","error":"used all available credits"}\n\n', "PROVIDER_QUOTA_EXHAUSTED"],
    ["code and message", 'data: {"code":429,"message":"slow down please"}\n\n', "PROVIDER_RATE_LIMITED"],
    [
      "an old flat error",
      'data: {"object":"error","message":"maximum context length is 5","code":400}\n\n',
      "CALLER_CONTEXT_LENGTH_EXCEEDED",
    ],
    [
      "OpenRouter's",
      'data: {"error":{"code":502,"message":"x"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}\n\n',
      "PROVIDER_ERROR",
    ],
    [
      "an error in a choice",
      'data: {"choices":[{"error":{"code":429,"message":"x"},"finish_reason":"error"}]}\n\n',
      "PROVIDER_RATE_LIMITED",
    ],
    ["finish reason error", 'data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n', "PROVIDER_BAD_RESPONSE"],
    [
      "DeepSeek's lack of resources",
      'data: {"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}\n\n',
      "PROVIDER_OVERLOADED",
    ],
    ["what is not JSON", "data: {nope}\n\n", "PROVIDER_BAD_RESPONSE"],
    ["Bedrock-like detail", 'data: {"detail":"Internal error"}\n\n', "PROVIDER_BAD_RESPONSE"],
  ])("%s", (_name, text, name) => {
    const events = decode(
      `${sseEvent(delta({ content: "a" }))}${text}data: [DONE]\n\n${sseEvent(delta({ content: "b" }))}`,
    );
    expect(events.map(failureOf)).toEqual([undefined, name]);
    expect(events[1]).toMatchObject({ isDone: false, bytes: Buffer.alloc(0), failure: { status: 200 } });
  });

  test("an event that never ends", () => {
    const decoder = new ChatStreamDecoder({ maxEventBytes: 1_000 });
    expect(decoder.push(Buffer.from(`data: ${"x".repeat(900)}`))).toEqual([]);
    expect(decoder.push(Buffer.from("x".repeat(200))).map(failureOf)).toEqual(["PROVIDER_BAD_RESPONSE"]);
    expect(decoder.push(Buffer.from("\n\n"))).toEqual([]);
    expect(decoder.end()).toEqual([]);
  });
});

describe("a body that is no stream", () => {
  const completion = {
    id: "1",
    object: "chat.completion",
    model: "m",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hi", tool_calls: [{ id: "c", type: "function", function: {} }] },
        finish_reason: "tool_calls",
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 2 },
    vendor: "kept",
  };

  test.each([1, 7, 100_000])("becomes a stream when it is a whole completion (pieces of %i bytes)", (size) => {
    const bytes = Buffer.from(`\n\n${JSON.stringify(completion, undefined, 2)}\n`);
    const pieces: Buffer[] = [];
    for (let start = 0; start < bytes.length; start += size) {
      pieces.push(bytes.subarray(start, start + size));
    }
    const events = decodePieces(pieces);
    expect(events).toMatchObject([
      { isOutput: true, isFinished: false, model: "m" },
      { isFinished: true, finishReasons: ["tool_calls"] },
      { isUsageOnly: true, usage: { inputTokens: 1, outputTokens: 2 } },
      { isDone: true },
    ]);
    const first: unknown = JSON.parse(events[0]?.bytes.toString().slice(6) ?? "");
    expect(first).toMatchObject({
      object: "chat.completion.chunk",
      vendor: "kept",
      choices: [{ index: 0, delta: { content: "Hi", tool_calls: [{ index: 0, id: "c" }] }, finish_reason: null }],
    });
  });

  test.each([
    ["an error", '{"error":{"message":"no","type":"overloaded_error"}}', "PROVIDER_OVERLOADED"],
    ["xAI's error", '{"code":"x","error":"used all available credits"}', "PROVIDER_QUOTA_EXHAUSTED"],
    ["a list of one error", '[{"error":{"code":503,"message":"no"}}]', "PROVIDER_OVERLOADED"],
    ["a page", "<html>502</html>", "PROVIDER_BAD_RESPONSE"],
    ["another object", '{"hello":1}', "PROVIDER_BAD_RESPONSE"],
    ["half a completion", JSON.stringify(completion).slice(0, -9), "PROVIDER_BAD_RESPONSE"],
    [
      "a long text with a line feed in it",
      JSON.stringify(completion).replace("Hi", `Hi\n${"x".repeat(5_000)}`),
      "PROVIDER_BAD_RESPONSE",
    ],
  ])("%s is a failure", (_name, text, name) => {
    expect(decode(text).map(failureOf)).toEqual([name]);
  });

  test("is bounded", () => {
    const decoder = new ChatStreamDecoder({ maxEventBytes: 1_000 });
    const events = Array.from({ length: 5 }, () => decoder.push(Buffer.from("{".repeat(300)))).flat();
    expect(events.map(failureOf)).toEqual(["PROVIDER_BAD_RESPONSE"]);
  });
});

describe("chunks that differ in their text only", () => {
  const padded = (text: string, padding: string) =>
    `data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":${text}},"finish_reason":null}],"obfuscation":"${padding}"}\n\n`;

  test("are told from those that differ in anything else", () => {
    const same = padded('"a"', "xy");
    const others = [
      padded('""', "xy"),
      padded("null", "xy"),
      same.replace("null}]", '"stop"}]'),
      same.replace('"m"', '"n"'),
      same.replace("}]", '}],"usage":{"prompt_tokens":1}'),
      same.replace('"index":0', '"index":1'),
    ];
    for (const other of others) {
      const [, second] = decode(same + other);
      const alone = decode(other);
      expect({ ...second, isFinished: false }).toEqual({ ...alone[0], isFinished: false });
    }
    expect(failureOf(decode(same + padded('"a\u0001"', "xy"))[1] ?? { failure: undefined })).toBe(
      "PROVIDER_BAD_RESPONSE",
    );
    expect(failureOf(decode(same + padded('"\\x"', "xy"))[1] ?? { failure: undefined })).toBe("PROVIDER_BAD_RESPONSE");
    expect(failureOf(decode(same + same.replace('"obf', "obf"))[1] ?? { failure: undefined })).toBe(
      "PROVIDER_BAD_RESPONSE",
    );
  });

  test("mean the same where every one of them has an id of its own", () => {
    const chunks = Array.from({ length: 30 }, (_, index) => padded(`"${index}"`, "xy").replace('"c"', `"c${index}"`));
    const events = decode(chunks.join(""));
    expect(bytesOf(events)).toBe(chunks.join(""));
    expect(marksOf(events)).toEqual(chunks.flatMap((chunk) => marksOf(decode(chunk))));
    expect(events.every(({ isOutput }) => isOutput)).toBe(true);
  });

  test("mean what parsing them would tell, whatever the text", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 8 }), { minLength: 2, maxLength: 6 }), (texts) => {
        const events = decode(texts.map((text) => padded(JSON.stringify(text), text.replace(/\W/g, ""))).join(""));
        expect(events.map(({ isOutput }) => isOutput)).toEqual(texts.map((text) => text !== ""));
        expect(events.every(({ failure, model }) => failure === undefined && model === "m")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

test("no bytes make the decoder throw", () => {
  const noise = fc.constantFrom(
    "data: ",
    "{",
    "}",
    "[",
    '"choices":',
    "\n",
    "\r",
    "\n\n",
    ":",
    "[DONE]",
    "null",
    "\u0000",
    "é",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(noise, fc.string()), { maxLength: 30 }), (pieces) => {
      for (const event of decodePieces(pieces)) {
        expect(event.bytes).toBeInstanceOf(Buffer);
      }
    }),
    { numRuns: 2_000 },
  );
});
