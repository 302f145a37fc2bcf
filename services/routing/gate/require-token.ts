import { type CallContext, RpcError } from "#rpc";
import { isSameToken, readBearerToken } from "#secrets";

/** Throws UNAUTHENTICATED unless the call carries the token as `authorization: Bearer TOKEN`. No token set: none is asked for. */
export function requireToken(token: string | undefined, context: CallContext | undefined): void {
  if (token === undefined) {
    return;
  }
  const given = readBearerToken(context?.metadata?.authorization);
  if (given === undefined) {
    throw new RpcError({
      code: "UNAUTHENTICATED",
      reason: "CREDENTIAL_MISSING",
      message: "The admin token is needed: give it as `authorization: Bearer TOKEN`.",
    });
  }
  if (!isSameToken(given, token)) {
    throw new RpcError({
      code: "UNAUTHENTICATED",
      reason: "CREDENTIAL_INVALID",
      message: "The admin token is not the one that is set here.",
    });
  }
}
