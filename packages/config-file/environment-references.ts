import type { Environment } from "#runtime";

// Characters that Unicode sets aside for internal use stand for the references while YAML is parsed: a `{` would begin
// a mapping inside `{ api_key: ${NAME} }`.
const open = "\uFDD0\uFDD1";
const close = "\uFDD2";
const escapedOpen = "\uFDD3\uFDD4";
const reserved = /[\uFDD0-\uFDD4]/;

const escapedReference = /\$\$\{([A-Za-z0-9_]*)\}/g;
const reference = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
const hidden = new RegExp(`${open}(?<name>[A-Za-z0-9_]+)${close}|${escapedOpen}|${close}`, "g");

/** Whether a text holds characters that this file needs for itself. */
export function hasReservedCharacter(text: string): boolean {
  return reserved.test(text);
}

/** Takes `${NAME}` and `$${...}` out of the way of the YAML parser. No line moves. */
export function hideReferences(text: string): string {
  return text
    .replace(escapedReference, (_whole, inner: string) => `${escapedOpen}${inner}${close}`)
    .replaceAll("$${", escapedOpen)
    .replace(reference, (_whole, name: string) => `${open}${name}${close}`);
}

/** Puts the values of the variables into a text that was hidden; what is wrong goes to `complain` instead. */
export function resolveReferences(text: string, environment: Environment, complain: (message: string) => void): string {
  if (text.includes("${")) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how files write a reference.
    complain("a reference is written ${NAME}, of letters, digits and `_`; write $${ for the text itself");
  }
  return text.replace(hidden, (whole, name: string | undefined) => {
    if (name === undefined) {
      return whole === close ? "}" : "${";
    }
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value === undefined) {
      complain(`environment variable ${name} is not set`);
    }
    return value ?? "";
  });
}

/** The text as its author wrote it, for what errors quote. */
export function showReferences(text: string): string {
  return text.replaceAll(open, "${").replaceAll(escapedOpen, "$${").replaceAll(close, "}");
}
