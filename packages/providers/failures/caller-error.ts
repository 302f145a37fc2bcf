import { errorsV1 } from "#contracts";
import type { ProviderFailure } from "../provider.ts";
import type { ErrorFields } from "./error-fields.ts";
import { redactMessage } from "./redact-message.ts";

type FailureClass = errorsV1.FailureClass;
const { CALLER_INVALID_REQUEST, CALLER_CONTEXT_LENGTH_EXCEEDED, CALLER_CONTENT_POLICY } = errorsV1.FailureClass;

/** Whether the caller is to mend it; only then may the provider's words be told. */
export function isCallersFault(failureClass: FailureClass): boolean {
  return (
    failureClass === CALLER_INVALID_REQUEST ||
    failureClass === CALLER_CONTEXT_LENGTH_EXCEEDED ||
    failureClass === CALLER_CONTENT_POLICY
  );
}

// Clients look for these codes, and not every vendor sends them.
const codeByClass: ReadonlyMap<FailureClass, string> = new Map([
  [CALLER_CONTEXT_LENGTH_EXCEEDED, "context_length_exceeded"],
  [CALLER_CONTENT_POLICY, "content_filter"],
]);

/** What the provider says of the caller's own fault. `hideSecret` makes of it what the caller may be told. */
export function toCallerError(
  fields: ErrorFields,
  failureClass: FailureClass,
): NonNullable<ProviderFailure["callerError"]> {
  return {
    message: fields.message || "The provider refused the request without saying why.",
    type: toName(fields.type) ?? "invalid_request_error",
    code: codeByClass.get(failureClass) ?? toName(fields.code),
    param: toName(fields.param),
  };
}

/** A code, type or parameter as it may be told: a short name, never a number or a text. */
function toName(value: string | undefined): string | undefined {
  const isName = value !== undefined && /^[A-Za-z_][\w.[\]-]{0,127}$/.test(value);
  return isName && redactMessage(value) === value ? value : undefined;
}
