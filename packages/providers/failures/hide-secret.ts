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
  const hide = (text: string) => hideSecretIn(text, secret);
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

/** The text without the values of the secret. */
export function hideSecretIn(text: string, secret: Readonly<Record<string, string>>): string {
  let hidden = text;
  for (const name in secret) {
    for (const form of formsOf(secret[name] ?? "")) {
      if (form.length >= fewestCharacters && hidden.includes(form)) {
        hidden = hidden.replaceAll(form, redactedMark);
      }
    }
  }
  return hidden;
}

/** The longest first, since it may hold the others. */
function formsOf(value: string): readonly string[] {
  const trimmed = value.trim();
  return [encodeURIComponent(trimmed.toWellFormed()), value, trimmed];
}
