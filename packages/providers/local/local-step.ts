import type { ProviderRequest } from "../provider.ts";
import type { TransportFailure } from "../transport.ts";

/** One thing that a local provider does. The steps of an answer are taken in order, each when the one before is over. */
export type LocalStep =
  | { readonly kind: "connected" }
  | { readonly kind: "wait"; readonly waitMs: number }
  | { readonly kind: "head"; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: "data"; readonly bytes: Buffer }
  | { readonly kind: "end" }
  | { readonly kind: "fail"; readonly failure: TransportFailure }
  /** Nothing more ever happens; before `connected` the connect time-out ends it. */
  | { readonly kind: "hang" };

/** How a local provider answers. `nowMs` is the time of the request. */
export type LocalScript = (request: ProviderRequest, nowMs: number) => Iterable<LocalStep>;
