import type { SettingsTable } from "../settings/read-environment.ts";

const causes: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there already: stop it, or choose another port",
  EADDRNOTAVAIL: "this machine has no such address: set SPILLWAY_HOST to one that it has",
  EACCES: "this user may not listen there: choose a port from 1024 on",
};

/**
 * Says of an address that cannot be listened on which variable gave it and what to do; undefined for any other error.
 */
export function explainListenError(
  error: unknown,
  table: SettingsTable,
  values: Readonly<Record<string, unknown>>,
): string | undefined {
  if (!(error instanceof Error)) {
    return undefined;
  }
  const found = /\blisten (EADDRINUSE|EADDRNOTAVAIL|EACCES): [a-z ]+ ([^\s\]]+?)(?::(\d+))?(?:\]|$)/.exec(
    error.message,
  );
  if (found === null) {
    return undefined;
  }
  const [, code = "", host, port] = found;
  const variables = Object.entries(table)
    .filter(([name, { variable }]) => variable.endsWith("_PORT") && values[name] === Number(port))
    .map(([, { variable }]) => variable);
  const origin = variables.length === 0 ? "" : ` (${variables.join(" or ")})`;
  const address = port === undefined ? host : `${host}:${port}`;
  return `Cannot listen on ${address}${origin}: ${causes[code]}`;
}
