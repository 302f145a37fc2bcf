/** Stands where something was that may not be told. */
export const redactedMark = "[redacted]";

// What looks like a credential. Each pattern is linear: one unbounded class, followed by nothing that could match it.
const credentials: readonly RegExp[] = [
  /\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi,
  /\b(?:sk|pk|rk|gsk|xai|pplx|nvapi|hf|r8|fw|tgp|csk|dapi|glpat|ghp|gho|github_pat)[-_][A-Za-z0-9_*.-]{6,}/gi,
  /\bAIza[A-Za-z0-9_-]{10,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)*/g,
  /\b(?:api[-_ ]?key|access[-_ ]?token|token|secret|password|authorization|key)["']?\s*[:=]\s*["']?[^\s"',;&]{6,}/gi,
  /\/\/[^\s/@]{1,256}@/g,
  /[A-Za-z0-9+/_-]{40,}={0,2}/g,
  /\b[0-9a-f]{32,}\b/gi,
];

/** The message with whatever looks like a key masked. */
export function redactMessage(message: string): string {
  let text = message;
  for (const pattern of credentials) {
    text = text.replace(pattern, redactedMark);
  }
  return text;
}
