import type { AnswerHeaders } from "./answer-headers.ts";
import type { ProviderRequest } from "./provider.ts";

/**
 * Why a request failed below HTTP. `refused` includes hosts and networks that cannot be reached; `reset` is a connection that
 * ended before the answer did; `blocked` an address that is not public; `other` an answer that is not HTTP; `unsendable` a
 * request that no connection would take, since a header of it holds what none may.
 */
export type TransportFailure =
  | "connect_timeout"
  | "refused"
  | "dns"
  | "tls"
  | "reset"
  | "blocked"
  | "aborted"
  | "unsendable"
  | "other";

/**
 * Takes what becomes of one request, by callbacks because they cost least. Exactly one of `onEnd` and `onFailure` is
 * called, last; nothing is called after `abort`.
 */
export interface ExchangeHandler {
  /** The connection is there and the request is being written. */
  onConnected(): void;
  onHead(status: number, headers: AnswerHeaders): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** `requestMayHaveBeenSeen` is false when surely no byte of the request reached the provider. */
  onFailure(failure: TransportFailure, requestMayHaveBeenSeen: boolean): void;
}

/** One request under way. */
export interface Exchange {
  /** Ends it at once, whatever state it is in; the handler hears nothing more. Idempotent. */
  abort(): void;
  /** Stops reading, so that the provider's writes block: back-pressure. What was read already may still be handed on. */
  pause(): void;
  resume(): void;
}

/** Carries requests to providers. How long an answer may be is its handler's to say. */
export interface Transport {
  /** Starts a request. `connectTimeoutMs` bounds the time until `onConnected`; then `connect_timeout` is reported. */
  start(request: ProviderRequest, connectTimeoutMs: number, handler: ExchangeHandler): Exchange;
  /** Ends idle connections, and the busy ones when their exchanges are over. */
  close(): Promise<void>;
}
