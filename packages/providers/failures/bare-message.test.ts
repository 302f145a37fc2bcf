import { describe, expect, test } from "vitest";
import { toBareMessage } from "./bare-message.ts";

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

  test.each([
    "{'message': 'no'} is not of type 'string' - 'messages.0.content'",
    "{'message': 'no', 'and': 'it was cut off",
    "{'message': 'no', 'a': '}No fallback model group found for original model_group={'} is not of type 'string'",
    "{'message': 'no', 'a': '}No fallback model group found for original model_group=x. Fallbacks=[{'} is no string",
    `{'message': 'no', 'a': '}. Received Model Group=${"x".repeat(4_000)}`,
    "body.error: no: Extra inputs are not permitted",
    "Invalid value: no",
    "[{'type': 'literal_error', 'msg': 'no'}]",
    '{"messages":"no"}',
  ])("%j has nothing around it", (message) => {
    expect(toBareMessage(message)).toBe(message.toLowerCase());
  });
});
