import type { ProviderFailure } from "../provider.ts";
import { redactedMark } from "./redact-message.ts";

// Fewer characters would be found in words that are no secret.
const fewestCharacters = 4;

/**
 * The failure without the values of the secret that the call was made with, whatever they look like: a provider may say them
 * back in what a caller is told of its own fault. They are found as they are, without blanks around them, and as URLs have them.
 */
export function hideSecret(failure: ProviderFailure, secret: Readonly<Record<string, string>>): ProviderFailure {
  const { callerError } = failure;
  if (callerError === undefined) {
    return failure;
  }
  const forms = Object.values(secret)
    .flatMap((value) => [value, value.trim(), encodeURIComponent(value.trim().toWellFormed())])
    .filter((form) => form.length >= fewestCharacters)
    // A longer form may hold a shorter one.
    .sort((one, other) => other.length - one.length);
  const hide = (text: string) => forms.reduce((hidden, form) => hidden.replaceAll(form, redactedMark), text);
  const hideName = (name: string | undefined) => (name === undefined || hide(name) === name ? name : undefined);
  return {
    ...failure,
    callerError: {
      message: hide(callerError.message),
      type: hideName(callerError.type) ?? "invalid_request_error",
      code: hideName(callerError.code),
      param: hideName(callerError.param),
    },
  };
}
