import { timingSafeEqual } from "node:crypto";
import { type CallContext, RpcError } from "#rpc";
import { hashApiKey } from "#secrets";

/** Throws UNAUTHENTICATED unless the call carries the token as `authorization: Bearer TOKEN`. No token set: none is asked for. */
export function requireToken(token: string | undefined, context: CallContext | undefined): void {
  if (token === undefined) {
    return;
  }
  const given = /^bearer +(\S+) *$/i.exec(context?.metadata?.authorization ?? "")?.[1];
  if (given === undefined) {
    throw new RpcError({
      code: "UNAUTHENTICATED",
      reason: "CREDENTIAL_MISSING",
      message: "The admin token is needed: give it as `authorization: Bearer TOKEN`.",
    });
  }
  // Hashes have one length, and comparing them tells nothing of where the token differs.
  if (!timingSafeEqual(hashApiKey(given), hashApiKey(token))) {
    throw new RpcError({
      code: "UNAUTHENTICATED",
      reason: "CREDENTIAL_INVALID",
      message: "The admin token is not the one that is set here.",
    });
  }
}
