import { expect, it } from "vitest";
import { errorsV1, inferenceV1 } from "#contracts";
import type { AttemptRecord } from "../attempts/attempt-record.ts";
import { toFallbackMoves } from "./fallback-moves.ts";

const { FailureClass } = errorsV1;
const { EXHAUSTED, NEXT, RETRY, SERVED } = inferenceV1.AttemptDecision;

/** An attempt at `label` from `from` to `to` ms; without a class it served. */
function attempt(
  label: string,
  [from, to]: readonly [number, number],
  of: { readonly decision: inferenceV1.AttemptDecision; readonly failureClass?: errorsV1.FailureClass },
): AttemptRecord {
  const { decision, failureClass } = of;
  const failure = failureClass === undefined ? undefined : { failureClass, status: 0 };
  const link = { target: { label } };
  return { link, startedAtMs: from, durationMs: to - from, decision, failure } as AttemptRecord;
}

const failed = { decision: NEXT, failureClass: FailureClass.PROVIDER_ERROR };
const served = { decision: SERVED };
const inShort = (attempts: readonly AttemptRecord[]) =>
  toFallbackMoves(attempts).map(({ from, to, failureClass }) => `${from} > ${to} ${failureClass}`);

it("is one for each move to another target, retries and the last failure left out", () => {
  const retried = { decision: RETRY, failureClass: FailureClass.PROVIDER_OVERLOADED };
  const last = { decision: EXHAUSTED, failureClass: FailureClass.PROVIDER_TIMEOUT_TOTAL };
  const attempts = [
    attempt("a", [0, 5], retried),
    attempt("a", [6, 9], failed),
    attempt("b", [9, 9], { decision: NEXT, failureClass: FailureClass.TARGET_SATURATED }),
    attempt("c", [9, 20], last),
  ];
  expect(inShort(attempts)).toEqual(["a > b PROVIDER_ERROR", "b > c TARGET_SATURATED"]);
});

it("counts the way back to a target that asked for time", () => {
  const limited = { decision: NEXT, failureClass: FailureClass.PROVIDER_RATE_LIMITED };
  const attempts = [attempt("a", [0, 5], limited), attempt("b", [5, 9], failed), attempt("a", [30, 40], served)];
  expect(inShort(attempts)).toEqual(["a > b PROVIDER_RATE_LIMITED", "b > a PROVIDER_ERROR"]);
});

it("goes to the hedge that was under way when the first attempt failed", () => {
  expect(inShort([attempt("a", [0, 30], failed), attempt("b", [10, 50], served)])).toEqual(["a > b PROVIDER_ERROR"]);
});

it("goes to what began after a hedge failed, or else back to the attempt that it hedged", () => {
  const first = attempt("a", [0, 60], served);
  const hedge = attempt("b", [10, 20], failed);
  expect(inShort([first, hedge])).toEqual(["b > a PROVIDER_ERROR"]);
  expect(inShort([first, hedge, attempt("c", [20, 70], served)])).toEqual(["b > c PROVIDER_ERROR"]);
});
