import { configV1, enumName, errorsV1, inferenceV1 } from "#contracts";
import type { AttemptRecord } from "./attempt-record.ts";

/** The attempts in short lines for logs, e.g. `1 openai/gpt-4o primary PROVIDER_RATE_LIMITED 429 412ms next`. */
export function describeAttempts(attempts: readonly AttemptRecord[]): string[] {
  return attempts.map((attempt) => {
    const { failure, link, number, status, durationMs, decision } = attempt;
    const role = enumName(configV1.GatewayModelLinkageType, link.target.role).toLowerCase();
    const outcome = failure === undefined ? "SERVED" : enumName(errorsV1.FailureClass, failure.failureClass);
    const words = [number || "-", link.target.label, role, outcome, status || "-", `${Math.round(durationMs)}ms`];
    if (failure !== undefined) {
      words.push(enumName(inferenceV1.AttemptDecision, decision).toLowerCase());
    }
    return words.join(" ");
  });
}
