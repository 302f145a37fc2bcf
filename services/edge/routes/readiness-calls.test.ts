import { ROOT_CONTEXT, TraceFlags, trace } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { routingV1 } from "#contracts";
import { type CallContext, RpcError, type RpcErrorInit } from "#rpc";
import { startTestEdge } from "../testing/start-test-edge.ts";

test("a readiness check asks routing in a trace that is not sampled, each in its own", async () => {
  const contexts: CallContext[] = [];
  const edge = await startTestEdge({
    configStatus: async (context) => {
      contexts.push(context);
      return routingV1.GetConfigStatusResponse.fromPartial({ ready: true });
    },
  });
  await fetch(`${edge.url}/readyz`);
  await fetch(`${edge.url}/readyz`);
  const parents = contexts.map(({ traceContext }) => trace.getSpanContext(traceContext ?? ROOT_CONTEXT));
  expect(parents.map((parent) => parent?.traceFlags)).toEqual([TraceFlags.NONE, TraceFlags.NONE]);
  expect(parents[0]?.traceId).not.toBe(parents[1]?.traceId);
});

const failures: readonly (readonly [RpcErrorInit, string])[] = [
  [
    { code: "UNAVAILABLE", reason: "UNAVAILABLE", message: "The routing service cannot be reached." },
    "the routing service cannot be reached",
  ],
  [
    { code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", message: "the deadline of the call passed" },
    "the routing service cannot be reached: no answer within 1000 ms",
  ],
  [
    { code: "UNAVAILABLE", reason: "DRAINING", message: "the service is shutting down" },
    "the routing service cannot be reached: the service is shutting down",
  ],
];

test.each(failures)("a readiness check that fails with $reason says why in words for callers", async (init, reason) => {
  const edge = await startTestEdge({ configStatus: () => Promise.reject(new RpcError(init)) });
  const response = await fetch(`${edge.url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({ status: "not_ready", reason });
});

test("a fault of this process is not told to whoever asks for readiness", async () => {
  const edge = await startTestEdge({ configStatus: () => Promise.reject(new Error("secret detail")) });
  expect(await (await fetch(`${edge.url}/readyz`)).text()).not.toContain("secret detail");
});
