import { expect, it } from "vitest";
import { inferenceV1 } from "#contracts";
import type { AttemptRecord } from "./attempt-record.ts";
import { toProviderWaitMs } from "./provider-wait.ts";

const { AttemptDecision } = inferenceV1;
const attempt = (number: number, startedAtMs: number, durationMs: number) =>
  ({ number, startedAtMs, durationMs, decision: AttemptDecision.NEXT }) as AttemptRecord;

it("time in which two attempts were waited for counts once, and a skipped target is not waited for", () => {
  const attempts = [attempt(0, 0, 1_000), attempt(1, 1, 50), attempt(2, 20, 40), attempt(3, 70, 20)];
  expect(toProviderWaitMs(attempts, 100)).toBe(59 + 20);
  expect(toProviderWaitMs([attempt(1, 10, 80), attempt(2, 20, 10)], 100)).toBe(80);
});

it("an attempt that is under way is waited for until now", () => {
  expect(toProviderWaitMs([{ ...attempt(1, 10, 0), decision: AttemptDecision.UNSPECIFIED }], 100)).toBe(90);
});
