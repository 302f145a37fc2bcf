const mask = "[redacted]";

// Endings of field names, without separators and case, whose value is a credential whatever it looks like.
const sensitiveEndings = [
  "authorization",
  "cookie",
  "password",
  "passphrase",
  "secret",
  "token",
  "credential",
  "credentials",
  "privatekey",
  "apikey",
  "datakey",
  "kek",
  "databaseurl",
];

// Shapes of credentials inside a text: bearer and basic headers, the key forms of providers, URLs with a password.
const secretShapes =
  /\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}|\b(?:sk|pk|rk|xai|gsk|hf|r8|pplx|nvapi|glpat)[-_][\w-]{12,}|\bAKIA[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bgh[opsur]_\w{20,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/@]*):[^\s/@]+@/gi;

const shortestSecret = 12;
const longestSecret = 1024;
const longestText = 8192;
const longestList = 100;
const deepest = 6;
const mostRememberedNames = 1000;

const sensitivityByName = new Map<string, boolean>();

/** Masks whatever in a text looks like a credential, and cuts the text to 8192 characters. */
export function redactText(text: string): string {
  if (text.length < shortestSecret) {
    return text;
  }
  // What the cut goes through must be seen far enough to be known.
  const seen = text.slice(0, longestText + longestSecret);
  const safe = seen.replace(secretShapes, (_whole, beforePassword?: string) =>
    beforePassword === undefined ? mask : `${beforePassword}:${mask}@`,
  );
  if (text.length <= longestText) {
    return safe;
  }
  // A secret at the end of what was seen may go on behind it.
  const known = text.length > seen.length ? safe.length - longestSecret : safe.length;
  return `${safe.slice(0, Math.min(longestText, known))}…`;
}

// What every entry has of its own.
const reservedNames = new Set(["level", "time", "service", "message"]);

/**
 * A copy of log fields that is safe to write, bounded in depth and length. Values of fields that are named like a credential
 * are masked, and so is whatever looks like one; errors become name, message, code, stack and cause. A field that is named
 * like one that every entry has gets a `_` after its name.
 */
export function redactFields(fields: object): Record<string, unknown> {
  const safe = redactObject(fields, 0);
  for (const name of reservedNames) {
    if (!(name in safe)) {
      continue;
    }
    safe[`${name}_`] = safe[name];
    delete safe[name];
  }
  return safe;
}

function redactObject(fields: object, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value = (fields as Record<string, unknown>)[name];
    safe[name] = holdsCredential(name, value) ? mask : redactValue(value, depth + 1);
  }
  return safe;
}

function holdsCredential(name: string, value: unknown): boolean {
  const canHold = typeof value === "string" || (typeof value === "object" && value !== null);
  return canHold && isSensitiveName(name);
}

function isSensitiveName(name: string): boolean {
  let isSensitive = sensitivityByName.get(name);
  if (isSensitive === undefined) {
    const plain = name.replaceAll(/[-_.]/g, "").toLowerCase();
    isSensitive = sensitiveEndings.some((ending) => plain.endsWith(ending));
    if (sensitivityByName.size < mostRememberedNames) {
      sensitivityByName.set(name, isSensitive);
    }
  }
  return isSensitive;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") {
    return redactText(value);
  }
  if (typeof value === "bigint") {
    return Number(value);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (depth > deepest) {
    return "[too deep]";
  }
  if (value instanceof Error) {
    return redactError(value, depth);
  }
  if (Array.isArray(value)) {
    return value.slice(0, longestList).map((entry) => redactValue(entry, depth + 1));
  }
  if (ArrayBuffer.isView(value)) {
    return `[${value.byteLength} bytes]`;
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return redactValue(value.toJSON(), depth + 1);
  }
  return redactObject(value, depth);
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = { name: error.name, message: redactText(error.message) };
  if ("code" in error) {
    safe.code = redactValue(error.code, depth + 1);
  }
  if (error.stack !== undefined) {
    safe.stack = redactText(error.stack);
  }
  if (error.cause !== undefined) {
    safe.cause = redactValue(error.cause, depth + 1);
  }
  return safe;
}
