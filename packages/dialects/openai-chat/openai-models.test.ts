import { expect, test } from "vitest";
import { inferenceV1 } from "#contracts";
import { toOpenAiModelsBody } from "./openai-models.ts";

test("endpoints are listed as models, their creation time in seconds", () => {
  const model = inferenceV1.Model.fromPartial({ name: "chat", createdAt: 1_700_000_000_999n });
  expect(JSON.parse(toOpenAiModelsBody([model]))).toEqual({
    object: "list",
    data: [{ id: "chat", object: "model", created: 1_700_000_000, owned_by: "spillway" }],
  });
});
