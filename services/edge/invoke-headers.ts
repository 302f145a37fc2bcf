import type { IncomingHttpHeaders } from "node:http";
import { credentialHeaders } from "#dialects";

const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;
const withheld: ReadonlySet<string> = new Set([...credentialHeaders, ...hopByHop]);

/**
 * The caller's headers as routing may read them: by lower-case name, without credentials and hop-by-hop ones, and with the
 * request id that is in force.
 */
export function toInvokeHeaders(headers: IncomingHttpHeaders, requestId: string): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name in headers) {
    if (!withheld.has(name)) {
      const value = headers[name];
      kept[name] = typeof value === "string" ? value : (value?.join(", ") ?? "");
    }
  }
  kept["x-request-id"] = requestId;
  if (headers.connection !== undefined && headers.connection !== "keep-alive") {
    dropNamedByConnection(kept, headers.connection);
  }
  return kept;
}

/** The metadata that carries the caller's credential: `authorization` as it came unless it is blank, or `x-api-key` in its form. */
export function toCallMetadata(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const { authorization: given, "x-api-key": key } = headers;
  const fromKey = typeof key === "string" ? `Bearer ${key}` : undefined;
  const authorization = given?.trim() ? given : fromKey;
  if (authorization === undefined) {
    return noMetadata;
  }
  return printableAscii.test(authorization) ? { authorization } : noKey;
}

const printableAscii = /^[ -~]*$/;
const noMetadata: Readonly<Record<string, string>> = {};
// Metadata can carry nothing but ASCII, and no key has anything else in it: this is refused as a wrong key is.
const noKey: Readonly<Record<string, string>> = { authorization: "Bearer ?" };

function dropNamedByConnection(kept: Record<string, string>, connection: string): void {
  for (const name of connection.toLowerCase().split(",")) {
    delete kept[name.trim()];
  }
}
