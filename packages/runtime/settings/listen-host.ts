import type { HiddenText } from "./hidden-text.ts";

/** Whether a host means only this machine. */
function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Problems of listening on a host while tokens are not set: what has no token is open to whoever reaches it, so it listens
 * on loopback only. `tokens` are by the names of their variables.
 */
export function checkListenHost(host: string, tokens: Readonly<Record<string, HiddenText | undefined>>): string[] {
  if (isLoopbackHost(host)) {
    return [];
  }
  const missing = Object.keys(tokens).filter((variable) => tokens[variable] === undefined);
  if (missing.length === 0) {
    return [];
  }
  return [
    `SPILLWAY_HOST "${host}" is more than this machine while ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} ` +
      "not set: set a token (`openssl rand -hex 24` makes one), or let SPILLWAY_HOST be 127.0.0.1",
  ];
}
