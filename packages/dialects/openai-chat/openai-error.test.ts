import { expect, test } from "vitest";
import { configV1, errorsV1, inferenceV1 } from "#contracts";
import { toOpenAiErrorAttempts, toOpenAiErrorBody, toOpenAiErrorEvent } from "./openai-error.ts";

const error = { message: "No model.", type: "invalid_request_error", param: "model", code: "model_not_found" };

test("an error body has the four OpenAI members and no attempts when there were none", () => {
  expect(JSON.parse(toOpenAiErrorBody(error))).toEqual({ error });
});

test("a stream's error event is one data line without a name", () => {
  expect(toOpenAiErrorEvent({ ...error, message: "two\nlines" })).toBe(
    'data: {"error":{"message":"two\\nlines","type":"invalid_request_error","param":"model","code":"model_not_found"}}\n\n',
  );
});

test("attempts are told in the words of the trail", () => {
  const trail = inferenceV1.RouteTrail.fromPartial({
    attempts: [
      {
        index: 0,
        target: "openai/gpt-4o",
        role: configV1.GatewayModelLinkageType.PRIMARY,
        failureClass: errorsV1.FailureClass.TARGET_SATURATED,
        decision: inferenceV1.AttemptDecision.NEXT,
      },
      {
        index: 1,
        target: "openai/gpt-4o-mini",
        role: configV1.GatewayModelLinkageType.FALLBACK,
        failureClass: errorsV1.FailureClass.PROVIDER_OVERLOADED,
        status: 503,
        durationMs: 411.7,
        decision: inferenceV1.AttemptDecision.EXHAUSTED,
      },
      { index: 2, target: "echo/echo", decision: inferenceV1.AttemptDecision.SERVED, status: 200 },
    ],
  });
  expect(toOpenAiErrorAttempts(trail)).toMatchObject([
    { index: null, role: "primary", class: "TARGET_SATURATED", status: null, decision: "next" },
    { index: 1, role: "fallback", class: "PROVIDER_OVERLOADED", status: 503, duration_ms: 412, decision: "stop" },
    { index: 2, class: "SERVED", status: 200, decision: null },
  ]);
});
