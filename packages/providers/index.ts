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
export type { Exchange, ExchangeHandler, Transport, TransportFailure } from "./transport.ts";
