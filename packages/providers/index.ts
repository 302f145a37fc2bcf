export type { AnswerHeaders } from "./answer-headers.ts";
export { hideSecret, hideSecretIn } from "./failures/hide-secret.ts";
export { createHttpTransport, type HttpTransportOptions } from "./http/http-transport.ts";
export { isPublicAddress } from "./http/outbound-guard.ts";
export { createLocalTransport, type LocalTransportOptions } from "./local/local-transport.ts";
export type {
  AuthMode,
  CanonicalEvent,
  CanonicalResponse,
  ErrorAnswer,
  Provider,
  ProviderCall,
  ProviderFailure,
  ProviderRequest,
  StreamDecoder,
  TokenUsage,
} from "./provider.ts";
export { findProvider, listProviders } from "./registry.ts";
export type { Exchange, ExchangeHandler, Transport, TransportFailure } from "./transport.ts";
export { WholeBody } from "./whole-body.ts";
