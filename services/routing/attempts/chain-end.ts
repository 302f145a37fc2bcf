import type { ProviderFailure } from "#providers";
import type { Attempt } from "./attempt.ts";

/** How a run ended. The attempts are `ChainRun.attempts`. */
export type ChainEnd<Served extends Attempt = Attempt> =
  | { readonly kind: "served"; readonly attempt: Served }
  | { readonly kind: "exhausted"; readonly isPastDeadline: boolean }
  /** By a fault of our own, which is in the log. */
  | { readonly kind: "faulty" }
  | { readonly kind: "broken"; readonly attempt: Served; readonly failure: ProviderFailure }
  | { readonly kind: "cancelled" };
