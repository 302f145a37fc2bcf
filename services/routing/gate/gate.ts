import { RpcError } from "#rpc";
import { hashApiKey, readBearerToken } from "#secrets";
import type { CallerKey, CompiledEndpoint, Snapshot } from "../snapshot/snapshot.ts";

const mostRemembered = 10_000;

/** Who may call what, for every transport alike. */
export class Gate {
  readonly #isOpen: boolean;
  readonly #remembered = new Map<string, CallerKey>();
  #snapshot: Snapshot | undefined;

  /** `isOpen` lets everybody in where no keys exist. */
  constructor(isOpen: boolean) {
    this.#isOpen = isOpen;
  }

  /** The caller's key; undefined where none is needed. Throws UNAUTHENTICATED when one is and it is missing or unknown. */
  authenticate(snapshot: Snapshot, authorization: string | undefined): CallerKey | undefined {
    if (snapshot.keys.size === 0) {
      if (this.#isOpen) {
        return undefined;
      }
      throw unauthenticated(
        "CREDENTIAL_MISSING",
        "No API keys exist, and this deployment is closed without them: add one under `keys` of the configuration file.",
        snapshot,
      );
    }
    if (this.#snapshot !== snapshot) {
      this.#remembered.clear();
      this.#snapshot = snapshot;
    }
    if (authorization === undefined || authorization === "") {
      throw unauthenticated(
        "CREDENTIAL_MISSING",
        "An API key is needed: give it as `Authorization: Bearer KEY`.",
        snapshot,
      );
    }
    return this.#remembered.get(authorization) ?? this.#find(snapshot, authorization);
  }

  #find(snapshot: Snapshot, authorization: string): CallerKey {
    const token = readBearerToken(authorization);
    const key = token === undefined ? undefined : snapshot.keys.get(hashApiKey(token).toString("base64"));
    if (key === undefined) {
      throw unauthenticated("CREDENTIAL_INVALID", "The API key is not known here.", snapshot);
    }
    if (this.#remembered.size >= mostRemembered) {
      this.#remembered.clear();
    }
    this.#remembered.set(authorization, key);
    return key;
  }
}

/** The endpoint of this name. One that the caller may not use is as unknown as one that does not exist. */
export function findEndpoint(snapshot: Snapshot, key: CallerKey | undefined, name: string): CompiledEndpoint {
  const endpoint = snapshot.endpoints.get(name);
  if (endpoint === undefined || !mayUse(key, name)) {
    throw new RpcError({
      code: "NOT_FOUND",
      reason: "ENDPOINT_NOT_FOUND",
      message: `The model \`${name}\` does not exist or you do not have access to it.`,
      metadata: { endpoint: name, code: "model_not_found", revision: String(snapshot.revision) },
    });
  }
  return endpoint;
}

/** Whether a key may use an endpoint; without a key everything may be used. */
export function mayUse(key: CallerKey | undefined, endpoint: string): boolean {
  return key?.endpoints === undefined || key.endpoints.has(endpoint);
}

function unauthenticated(
  reason: "CREDENTIAL_MISSING" | "CREDENTIAL_INVALID",
  message: string,
  { revision }: Snapshot,
): RpcError {
  const metadata = { code: "invalid_api_key", revision: String(revision) };
  return new RpcError({ code: "UNAUTHENTICATED", reason, message, metadata });
}
