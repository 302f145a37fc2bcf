import {
  assert,
  constantFrom,
  dictionary,
  integer,
  json,
  jsonValue,
  property,
  record,
  string,
  tuple,
} from "fast-check";
import { describe, expect, test } from "vitest";
import { type ChatBody, isBodyFault } from "./chat-body.ts";
import { rewriteChatBody } from "./rewrite-chat-body.ts";
import { scanChatBody } from "./scan-chat-body.ts";

const messages = [{ role: "user", content: "Hi" }];

function scanText(text: string): ChatBody {
  const scanned = scanChatBody(Buffer.from(text));
  if (isBodyFault(scanned)) {
    throw new Error(`refused: ${scanned.message}`);
  }
  return scanned;
}

function faultOf(text: string) {
  const scanned = scanChatBody(Buffer.from(text));
  return isBodyFault(scanned) ? scanned : undefined;
}

describe("a body that is sound", () => {
  test("tells model, stream and usage", () => {
    const body = scanText(
      JSON.stringify({ messages, stream: true, stream_options: { include_usage: true }, model: "chat" }),
    );
    expect(body).toMatchObject({ model: "chat", stream: true, includesUsage: true });
  });

  test.each([
    ["2", 2],
    ["1", 1],
    ["0", 1],
    ["-3", 1],
    ["1.5", 1],
    ['"2"', 1],
    ["null", 1],
    ["123456789", 1],
  ])("tells how many choices are asked for: n %s is %i", (n, choiceCount) => {
    expect(scanText(`{"model":"chat","messages":[1],"n":${n}}`).choiceCount).toBe(choiceCount);
  });

  test("reads null for stream and stream_options as unset", () => {
    const body = scanText(JSON.stringify({ model: "chat", messages, stream: null, stream_options: null }));
    expect(body).toMatchObject({ stream: false, includesUsage: false });
  });

  test("takes keys and model however they are escaped", () => {
    const body = scanText(String.raw`{"\u006dodel":"c\u0068at","messag\u0065s":[1],"str\u0065am":true}`);
    expect(body).toMatchObject({ model: "chat", stream: true });
  });

  test("lets the last of duplicate members win and records every model", () => {
    const body = scanText('{"model":"a","messages":[1],"stream":true,"stream":false,"model":"b"}');
    expect(body).toMatchObject({ model: "b", stream: false });
    expect(body.modelSpans).toHaveLength(2);
  });

  test("does not mistake nested or quoted members for its own", () => {
    const body = scanText(
      String.raw`{"metadata":{"model":"x","stream":true},"messages":["\"model\":\"y\"",{"model":"z"}],"model":"chat"}`,
    );
    expect(body).toMatchObject({ model: "chat", stream: false });
  });

  test("lets a byte order mark pass and drops it when rewritten", () => {
    const body = scanText(`\ufeff${JSON.stringify({ model: "chat", messages })}`);
    expect(rewriteChatBody(body, { model: "gpt" }).toString()).toBe(JSON.stringify({ model: "gpt", messages }));
    expect(rewriteChatBody(body, {}).toString()).toBe(JSON.stringify({ model: "chat", messages }));
  });

  test("is scanned once for the same Buffer", () => {
    const bytes = Buffer.from(JSON.stringify({ model: "chat", messages }));
    expect(scanChatBody(bytes)).toBe(scanChatBody(bytes));
  });

  test("may be nested 512 levels deep and no deeper", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const nested = (depth: number) =>
        `{"model":"chat","messages":[1],"x":${open.repeat(depth - 1)}1${close.repeat(depth - 1)}}`;
      expect(faultOf(nested(512))).toBeUndefined();
      expect(faultOf(nested(513))?.message).toContain("deeper than 512");
      expect(faultOf(nested(1_000_000))?.message).toContain("deeper than 512");
    }
  });
});

test.each([
  ["", undefined, "ends too early"],
  ["hello", undefined, "byte 0"],
  ["[1]", undefined, "must be a JSON object"],
  ['"text"', undefined, "must be a JSON object"],
  ["null", undefined, "must be a JSON object"],
  ['{"model":"chat"', undefined, "ends too early"],
  ['{"model":"chat","messages":[1]} x', undefined, "byte 32"],
  ['{"model":"chat","messages":[1],}', undefined, "byte 31"],
  ['{"model":"chat","messages":[1,]}', undefined, "not valid JSON"],
  ['{"model":"chat","messages":[1}]', undefined, "not valid JSON"],
  ['{"model":"chat","messages":[01]}', undefined, "not valid JSON"],
  ['{"model":"chat","messages":[tru]}', undefined, "not valid JSON"],
  ["{'model':'chat'}", undefined, "byte 1"],
  ['{"messages":[1]}', "model", "Missing"],
  ['{"model":1,"messages":[1]}', "model", "expected a string"],
  ['{"model":null,"messages":[1]}', "model", "expected a string"],
  ['{"model":"","messages":[1]}', "model", "empty"],
  ['{"model":"a\nb","messages":[1]}', "model", "not a valid JSON string"],
  [`{"model":"${"a".repeat(2000)}","messages":[1]}`, "model", "longer than"],
  [`{${'"model":"a",'.repeat(17)}"messages":[1]}`, "model", "too many times"],
  ['{"model":"chat"}', "messages", "Missing"],
  ['{"model":"chat","messages":"Hi"}', "messages", "expected an array"],
  ['{"model":"chat","messages":[ ]}', "messages", "empty array"],
  ['{"model":"chat","messages":[1],"stream":"yes"}', "stream", "expected a boolean"],
  ['{"model":"chat","messages":[1],"stream_options":true}', "stream_options", "expected an object"],
  ['{"model":"chat","messages":[1],"stream_options":[]}', "stream_options", "expected an object"],
  ['{"model":"chat","messages":[1],"stream_options":{"a":"\t"}}', "stream_options", "not valid JSON"],
  [`{"model":"chat","messages":[1],"stream_options":{"a":"${"x".repeat(20_000)}"}}`, "stream_options", "longer than"],
])("refuses %j and names %s", (text, param, part) => {
  const fault = faultOf(text);
  expect(fault?.param).toBe(param);
  expect(fault?.message).toContain(part);
});

describe("a rewritten body", () => {
  test("differs only in its model", () => {
    const text =
      '{ "temperature": 1.0, "model" : "chat", "messages": [ {"role":"user"} ], "big": 12345678901234567890 }';
    const rewritten = rewriteChatBody(scanText(text), { model: 'gpt "4" é' });
    expect(rewritten.toString()).toBe(text.replace('"chat"', String.raw`"gpt \"4\" é"`));
  });

  test("has every duplicate of the model replaced", () => {
    const rewritten = rewriteChatBody(scanText('{"model":"a","messages":[1],"model":"b"}'), { model: "b" });
    expect(rewritten.toString()).toBe('{"model":"b","messages":[1],"model":"b"}');
  });

  test("is the same Buffer when there is nothing to change", () => {
    const body = scanText('{"model":"a","messages":[1],"stream_options":{"include_usage":true}}');
    expect(rewriteChatBody(body, { model: "a", includeUsage: true })).toBe(body.bytes);
  });

  test.each([
    ["", { include_usage: true }],
    [',"stream_options":null', { include_usage: true }],
    [',"stream_options":{}', { include_usage: true }],
    [',"stream_options":{"include_usage":false,"other":[1]}', { include_usage: true, other: [1] }],
  ])("asks for usage where the body says %j", (member, expected) => {
    const body = scanText(`{"messages":[1],"stream":true${member},"model":"chat"}`);
    const rewritten = rewriteChatBody(body, { model: "gpt", includeUsage: true });
    expect(JSON.parse(rewritten.toString())).toEqual({
      model: "gpt",
      messages: [1],
      stream: true,
      stream_options: expected,
    });
    expect(rewritten.toString().match(/include_usage/g)).toHaveLength(1);
  });
});

const anyBody = tuple(
  dictionary(string(), jsonValue()),
  record({ model: string({ minLength: 1, maxLength: 50 }), messages: json().map((text) => [text]) }),
  record(
    {
      stream: constantFrom(true, false, null),
      stream_options: constantFrom<unknown>(null, {}, { include_usage: true }, { include_usage: false, a: 1 }),
    },
    { requiredKeys: [] },
  ),
  constantFrom(0, 1, "\t"),
).map(([rest, needed, options, indent]) => {
  const { model: _model, messages: _messages, stream: _stream, stream_options: _options, ...others } = rest;
  const members = Object.entries({ ...others, ...needed, ...options }).sort(() => (indent === 1 ? -1 : 1));
  return JSON.stringify(Object.fromEntries(members), null, indent);
});

describe("against JSON.parse", () => {
  test("a splice means what parse, modify and stringify mean", () => {
    assert(
      property(anyBody, string(), (text, model) => {
        const expected = JSON.parse(text) as Record<string, unknown>;
        const body = scanText(text);
        expect(body.model).toBe(expected.model);
        expect(body.stream).toBe(expected.stream === true);
        expected.model = model;
        expected.stream_options = { ...(expected.stream_options as object | null), include_usage: true };
        const rewritten = rewriteChatBody(body, { model, includeUsage: true });
        expect(JSON.parse(rewritten.toString())).toEqual(JSON.parse(JSON.stringify(expected)));
      }),
      { numRuns: 1000 },
    );
  });

  test("what JSON.parse refuses is refused, unless only the inside of a string is wrong", () => {
    const mutation = tuple(
      anyBody,
      integer({ min: 0 }),
      constantFrom(...'{}[]",:\\0-.e tn', ""),
      integer({ min: 0, max: 2 }),
    );
    assert(
      property(mutation, ([text, place, inserted, removed]) => {
        const at = place % (text.length + 1);
        const mutated = text.slice(0, at) + inserted + text.slice(at + removed);
        const scanned = scanChatBody(Buffer.from(mutated));
        const parsed = parseLeniently(mutated);
        if (parsed === undefined) {
          expect(isBodyFault(scanned)).toBe(true);
        } else if (!isBodyFault(scanned)) {
          const rewritten = parseLeniently(rewriteChatBody(scanned, { model: "spliced" }).toString());
          expect(rewritten).toEqual({ ...parsed, model: "spliced" });
        }
      }),
      { numRuns: 5000 },
    );
  });
});

/** As JSON.parse, but that it does not judge escapes. */
function parseLeniently(text: string): object | undefined {
  const lenient = text.replaceAll(/\\(u[0-9a-fA-F]{4}|u|.)/gs, (sequence) =>
    /^\\(u.{4}|["\\/bfnrt])$/.test(sequence) ? sequence : "x",
  );
  try {
    return JSON.parse(lenient) as object;
  } catch {
    return undefined;
  }
}
