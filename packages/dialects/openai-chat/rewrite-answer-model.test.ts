import { array, assert, constantFrom, jsonValue, oneof, property, string, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { rewriteAnswerModel, rewriteEventModel } from "./rewrite-answer-model.ts";

const rewrite = (text: string, model = "chat") => rewriteAnswerModel(Buffer.from(text), model).toString();
const rewriteEvent = (text: string, model = "chat") => rewriteEventModel(Buffer.from(text), model).toString();

const blank = array(constantFrom(" ", "\t", "\n", "\r\n"), { maxLength: 2 }).map((parts) => parts.join(""));
const otherKey = string().filter((key) => key !== "model");
const modelValue = oneof(string(), jsonValue());
const modelKey = constantFrom('"model"', String.raw`"\u006dodel"`, String.raw`"mode\u006C"`);
const member = oneof(
  tuple(otherKey, jsonValue()).map(([key, value]) => ({
    text: [JSON.stringify(key), JSON.stringify(value)] as const,
    isModel: false,
  })),
  tuple(modelKey, modelValue).map(([key, value]) => ({ text: [key, JSON.stringify(value)] as const, isModel: true })),
);
/** An object as text in pieces: where a piece is a model's value, what it must become stands for it in `wanted`. */
const answer = tuple(array(member, { maxLength: 8 }), array(blank, { minLength: 40, maxLength: 40 }));

function write(
  members: readonly { text: readonly [string, string]; isModel: boolean }[],
  blanks: readonly string[],
  model?: string,
): string {
  let next = 0;
  const space = () => blanks[next++ % blanks.length] ?? "";
  const written = members.map(({ text: [key, value], isModel }) =>
    [space(), key, space(), ":", space(), isModel && model !== undefined ? JSON.stringify(model) : value, space()].join(
      "",
    ),
  );
  return `${space()}{${written.length === 0 ? space() : written.join(",")}}${space()}`;
}

describe("the model of an answer", () => {
  test("is replaced wherever it stands at the top level, every other byte kept", () => {
    assert(
      property(answer, string(), ([members, blanks], model) => {
        expect(rewrite(write(members, blanks), model)).toBe(write(members, blanks, model));
      }),
    );
  });

  test("is not mistaken for nested or quoted ones", () => {
    const text = String.raw`{"choices":[{"model":"a","message":{"content":"\"model\":\"b\""}}],"model":"c","x":{"model":1}}`;
    expect(rewrite(text)).toBe(text.replace('"c"', '"chat"'));
  });

  test("is not invented, and what is no object stays as it is, the same bytes", () => {
    for (const text of ['{"id":"1"}', "{}", '["model"]', '"model"', "", "<html>", '{"model"', '{"model":']) {
      const bytes = Buffer.from(text);
      expect(rewriteAnswerModel(bytes, "chat")).toBe(bytes);
    }
  });

  test("is replaced in bytes that are no proper text, which stay", () => {
    const bytes = Buffer.concat([Buffer.from('{"x":"'), Buffer.of(0xff, 0xfe), Buffer.from('","model":"m"}')]);
    const rewritten = rewriteAnswerModel(bytes, "chat");
    expect(rewritten.subarray(0, 8)).toEqual(bytes.subarray(0, 8));
    expect(rewritten.toString("latin1")).toContain('"model":"chat"}');
  });
});

describe("the model of an event", () => {
  test("is replaced however the event is written, every other byte kept", () => {
    const lineEnd = constantFrom("\n", "\r\n", "\r");
    const otherLine = constantFrom(': {"model":"comment"}', "event: model", "id: 7", "database: x", "data", "");
    assert(
      property(answer, string(), tuple(lineEnd, otherLine), ([members, blanks], model, [end, other]) => {
        // Every line of the JSON gets a data line of its own, with and without the blank that may follow the colon.
        const toEvent = (text: string) => {
          const lines = text.split(/\r?\n/).map((line, index) => `data:${index % 2 === 0 ? " " : ""}${line}`);
          return [...(other === "" ? [] : [other]), ...lines, "", ""].join(end);
        };
        expect(rewriteEvent(toEvent(write(members, blanks)), model)).toBe(toEvent(write(members, blanks, model)));
      }),
    );
  });

  test("is not looked for in comments and markers", () => {
    for (const text of [": ping\n\n", "data: [DONE]\n\n", "", "event: ping\ndata\n\n", 'x: {"model":"m"}\n\n']) {
      const bytes = Buffer.from(text);
      expect(rewriteEventModel(bytes, "chat")).toBe(bytes);
    }
  });

  test("is replaced in an event without its blank line", () => {
    expect(rewriteEvent('data: {"model":"m"}')).toBe('data: {"model":"chat"}');
  });
});
