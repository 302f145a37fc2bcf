import { describe, expect, test } from "vitest";
import { toBareMessage, withoutEchoes } from "./bare-message.ts";

describe("a bare message", () => {
  test.each([
    ["Model Not Exist", "model not exist"],
    ["throughput isn’t supported", "throughput isn't supported"],
    ["litellm.BadRequestError: OpenAIException - invalid model ID", "invalid model id"],
    ['litellm.BadRequestError: DeepseekException - {"error":{"message":"Model Not Exist"}}', 'model not exist"}}'],
    ["Error code: 400 - {'error': {'message': 'Model Not Exist'}}", "model not exist'}}"],
    ["400: {'error': '/chat/completions: Invalid model name'}", "invalid model name'}"],
    ['{\n  "error": {\n    "code": 400,\n    "message": "* no"\n  }\n}', '* no"\n  }\n}'],
    ['{"type":"error","error":{"type":"x","message":"no"}}', 'no"}}'],
    ["together-ai error: Unable to access", "unable to access"],
  ])("%j", (message, bare) => {
    expect(toBareMessage(message)).toBe(bare);
  });

  test.each(["Invalid value: no", "[{'type': 'literal_error', 'msg': 'no'}]", '{"messages":"no"}'])(
    "%j has nothing around it",
    (message) => {
      expect(toBareMessage(message)).toBe(message.toLowerCase());
    },
  );
});

describe("a message without what it quotes", () => {
  test.each([
    ["invalid value: 'no credit'. use 'x' or \"y\"", "invalid value: . use  or "],
    ["you've no credit, it isn't enough", "you've no credit, it isn't enough"],
    ["invalid value: 'you don't have credit'.", "invalid value: ."],
    ["invalid value: 'cut off", "invalid value: "],
    ["unknown variant `no credit`, expected one", "unknown variant , expected one"],
    ["wrong [type=x, input_value=no credit", "wrong [type=x, "],
    ["'msg': 'bad', 'input': {'no': credit}", ": , "],
    ["body.no credit: not permitted; body.x: bad", ": not permitted: bad"],
  ])("%j", (message, without) => {
    expect(withoutEchoes(message)).toBe(without);
  });
});
