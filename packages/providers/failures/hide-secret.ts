import type { ProviderFailure } from "../provider.ts";
import { redactedMark, redactMessage } from "./redact-message.ts";

type Secret = Readonly<Record<string, string>>;

// Fewer characters would be found in words that are no secret.
const fewestCharacters = 4;

/** The longest message that a caller is told, in bytes: it fits whole into an error that goes from service to service. */
const maxToldBytes = 1_024;

/**
 * The failure as it may be told: without the values of the secret that the call was made with, whatever they look like, and
 * without whatever else looks like a key, since a provider may say them back in what it says of the caller's fault. The values are
 * found as they are, without blanks around them, as URLs and JSON have them, and in part where the message ends within one. The
 * message is at most 1 KB long.
 */
export function hideSecret(failure: ProviderFailure, secret: Secret): ProviderFailure {
  const { callerError } = failure;
  if (callerError === undefined) {
    return failure;
  }
  const hideName = (name: string | undefined) =>
    name === undefined || hideSecretIn(name, secret) === name ? name : undefined;
  return {
    ...failure,
    callerError: {
      message: toTold(callerError.message, secret),
      type: hideName(callerError.type) ?? "invalid_request_error",
      code: hideName(callerError.code),
      param: hideName(callerError.param),
    },
  };
}

/** Whatever takes a part of a value away makes the rest of it unknown, so the values go first, and the cut is last. */
function toTold(message: string, secret: Secret): string {
  const told = redactMessage(withoutPartAtEnd(hideSecretIn(message, secret), secret));
  const { read } = new TextEncoder().encodeInto(told, new Uint8Array(maxToldBytes));
  return told.slice(0, read);
}

/** The text without the values of the secret. */
export function hideSecretIn(text: string, secret: Secret): string {
  let hidden = text;
  for (const form of formsOf(secret, text.length)) {
    if (hidden.includes(form)) {
      hidden = hidden.replaceAll(form, redactedMark);
    }
  }
  return hidden;
}

/** What a provider cut short ends with a part of a value. */
function withoutPartAtEnd(text: string, secret: Secret): string {
  for (const form of formsOf(secret, Number.POSITIVE_INFINITY)) {
    for (let length = Math.min(form.length, text.length); length >= fewestCharacters; length -= 1) {
      if (text.endsWith(form.slice(0, length))) {
        return text.slice(0, -length) + redactedMark;
      }
    }
  }
  return text;
}

/** What the values may look like in a text of this length, the longest first, since one may hold another. */
function formsOf(secret: Secret, longest: number): readonly string[] {
  const forms: string[] = [];
  for (const name in secret) {
    const value = secret[name] ?? "";
    const trimmed = value.trim();
    if (trimmed.length >= fewestCharacters && trimmed.length <= longest) {
      forms.push(value, trimmed, encodeURIComponent(trimmed.toWellFormed()), JSON.stringify(trimmed).slice(1, -1));
    }
  }
  return forms.length === 0 ? forms : [...new Set(forms)].sort((one, other) => other.length - one.length);
}
