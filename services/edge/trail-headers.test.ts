import { expect, test } from "vitest";
import { configV1, errorsV1, inferenceV1 } from "#contracts";
import { pushTrailHeaders, type TrailFacts, toTrailLine } from "./trail-headers.ts";

const { PRIMARY, FALLBACK } = configV1.GatewayModelLinkageType;
const { FailureClass } = errorsV1;
const { AttemptDecision, Attempt, RouteTrail } = inferenceV1;

function toHeaders(facts: Partial<TrailFacts>): Record<string, string> {
  const headers: string[] = [];
  pushTrailHeaders(headers, {
    requestId: "r",
    endpoint: undefined,
    trail: undefined,
    durationMs: 10,
    traceResponse: undefined,
    ...facts,
  });
  return Object.fromEntries(headers.flatMap((name, index) => (index % 2 ? [] : [[name, headers[index + 1] ?? ""]])));
}

test("fields are joined by one space and entries by a comma and a space", () => {
  const line = toTrailLine([
    Attempt.fromPartial({
      target: "vllm/big",
      role: PRIMARY,
      failureClass: FailureClass.TARGET_SATURATED,
      decision: AttemptDecision.NEXT,
    }),
    Attempt.fromPartial({
      index: 1,
      target: "openai/gpt%204%2Co/%C3%A9",
      role: PRIMARY,
      failureClass: FailureClass.PROVIDER_NETWORK,
      durationMs: 2.6,
      decision: AttemptDecision.RETRY,
    }),
    Attempt.fromPartial({
      index: 2,
      target: "together/meta-llama/Llama-3:free",
      role: FALLBACK,
      failureClass: FailureClass.CALLER_CANCELLED,
      durationMs: 9,
      decision: AttemptDecision.CANCELLED,
    }),
    Attempt.fromPartial({
      index: 3,
      target: "echo/echo",
      role: FALLBACK,
      status: 200,
      durationMs: 1,
      decision: AttemptDecision.SERVED,
    }),
  ]);
  expect(line).toBe(
    [
      "- vllm/big primary TARGET_SATURATED - 0ms next",
      "1 openai/gpt%204%2Co/%C3%A9 primary PROVIDER_NETWORK - 3ms retry",
      "2 together/meta-llama/Llama-3:free fallback CALLER_CANCELLED - 9ms stop",
      "3 echo/echo fallback SERVED 200 1ms",
    ].join(", "),
  );
});

test("a long trail is cut at whole entries", () => {
  const attempt = Attempt.fromPartial({ index: 1, target: `openai/${"m".repeat(200)}`, role: PRIMARY });
  const line = toTrailLine(Array.from({ length: 100 }, () => attempt));
  expect(line.length).toBeLessThan(4200);
  expect(line).toMatch(/0ms, \.\.\.$/);
});

test("without a trail nothing was attempted and all the time is overhead", () => {
  expect(toHeaders({ endpoint: "c\u0000hat ü" })).toEqual({
    "x-request-id": "r",
    "x-spillway-endpoint": "c%00hat%20%C3%BC",
    "x-spillway-attempts": "0",
    "x-mlflow-gateway-duration-ms": "10",
    "x-mlflow-gateway-overhead-duration-ms": "10",
  });
});

test("skipped targets are not attempts, and a trail without a served one names no target", () => {
  const attempts = [
    { index: 0, target: "a/b", decision: AttemptDecision.NEXT, failureClass: FailureClass.TARGET_SATURATED },
    { index: 1, target: "c/d", decision: AttemptDecision.STOP, failureClass: FailureClass.CALLER_INVALID_REQUEST },
  ];
  const headers = toHeaders({ trail: RouteTrail.fromPartial({ endpoint: "chat", revision: 3n, attempts }) });
  expect(headers).toMatchObject({
    "x-spillway-attempts": "1",
    "x-spillway-revision": "3",
    "x-spillway-endpoint": "chat",
  });
  expect(headers).not.toHaveProperty("x-spillway-target");
});

test("overhead is the time in which no provider was waited for", () => {
  const headers = toHeaders({ durationMs: 100, trail: RouteTrail.fromPartial({ providerWaitMs: 79 }) });
  expect(headers["x-mlflow-gateway-overhead-duration-ms"]).toBe("21");
});

test("attempts that a long trail leaves out are counted all the same", () => {
  const attempts = [41, 42].map((index) => ({ index, decision: AttemptDecision.NEXT }));
  expect(toHeaders({ trail: RouteTrail.fromPartial({ attempts }) })["x-spillway-attempts"]).toBe("42");
});
