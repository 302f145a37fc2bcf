import { errorsV1 } from "#contracts";
import { classifyErrorInside } from "../failures/classify-error.ts";
import { type Json, toJson } from "../failures/json-value.ts";
import type { ProviderFailure } from "../provider.ts";

const { FailureClass } = errorsV1;

/**
 * The failure that an answer or a chunk of a stream with status 200 carries; undefined when it carries none. `isNamedError`:
 * the event's own name says that it is an error.
 */
export function findErrorInside(answer: Json, isNamedError = false): ProviderFailure | undefined {
  const { error } = answer;
  if (isNamedError || isError(error) || isError(toJson(answer.x_groq)?.error) || isFlatError(answer)) {
    return classifyErrorInside(answer);
  }
  if (!Array.isArray(answer.choices)) {
    return undefined;
  }
  for (const entry of answer.choices) {
    const choice = toJson(entry);
    if (isError(choice?.error)) {
      return classifyErrorInside({ error: choice?.error });
    }
    const reason = choice?.finish_reason;
    if (reason === "error") {
      return { failureClass: FailureClass.PROVIDER_BAD_RESPONSE, status: 200 };
    }
    if (reason === "insufficient_system_resource") {
      return { failureClass: FailureClass.PROVIDER_OVERLOADED, status: 200 };
    }
  }
  return undefined;
}

/** Whether there is something: some servers send `null`, `""` or `{}` when nothing went wrong. */
function isError(value: unknown): boolean {
  const object = toJson(value);
  return object === undefined
    ? value !== undefined && value !== null && value !== false && value !== ""
    : Object.keys(object).length > 0;
}

/** An error without an `error` member: `{object:"error"}`, `{type:"error"}`, `{code, message}`, `{status, message}`, `{detail}`. */
function isFlatError(answer: Json): boolean {
  if (Array.isArray(answer.choices)) {
    return false;
  }
  const hasMessage = typeof answer.message === "string";
  return (
    answer.object === "error" ||
    answer.type === "error" ||
    (hasMessage && (isError(answer.code) || isError(answer.error_code) || Number(answer.status) >= 400)) ||
    isError(answer.detail) ||
    isError(answer.fault)
  );
}
