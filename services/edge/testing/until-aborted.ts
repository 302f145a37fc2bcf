import { type CallSignal, RpcError } from "#rpc";

/** Waits until the call is cancelled. */
export function untilAborted(signal: CallSignal | undefined): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve()));
}

/** Waits as a provider does: until the call is cancelled, and fails then. */
export async function untilCancelled(signal: CallSignal | undefined): Promise<never> {
  await untilAborted(signal);
  throw new RpcError({ code: "CANCELLED", reason: "CANCELLED", message: "Cancelled." });
}
