/** Operation of every call to a model; the names of its spans begin with it. */
export const operationName = "chat";
/** Name of the span over the choice of targets. */
export const resolveSpanName = "resolve_chain";

/**
 * Attributes of every span of this service. They are an interface: people search and build dashboards by them. The GenAI
 * ones follow the OpenTelemetry semantic conventions for generative AI as of November 2026.
 */
export const attributes = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  responseModel: "gen_ai.response.model",
  finishReasons: "gen_ai.response.finish_reasons",
  timeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  serverAddress: "server.address",
  serverPort: "server.port",
  errorType: "error.type",
  endpoint: "spillway.endpoint.name",
  revision: "spillway.config.revision",
  strategy: "spillway.chain.strategy",
  rule: "spillway.chain.rule",
  draw: "spillway.chain.draw",
  chain: "spillway.chain.targets",
  skipReason: "spillway.chain.skip_reason",
  expressionError: "spillway.chain.expression_error",
  targetId: "spillway.target.id",
  mappingId: "spillway.mapping.id",
  targetRole: "spillway.target.role",
  attemptNumber: "spillway.attempt.number",
  attemptRetry: "spillway.attempt.retry",
  attemptFallbackIndex: "spillway.attempt.fallback_index",
  attemptFailureClass: "spillway.attempt.failure_class",
  attemptDecision: "spillway.attempt.decision",
  attemptBackoffMs: "spillway.attempt.backoff_ms",
  breakerFrom: "spillway.breaker.from",
  breakerTo: "spillway.breaker.to",
  coolingMs: "spillway.target.cooling_ms",
  attempts: "spillway.attempts",
  fallbackUsed: "spillway.fallback.used",
  servedTarget: "spillway.served.target",
  outcome: "spillway.outcome",
  usageInputTokens: "spillway.usage.input_tokens",
  usageOutputTokens: "spillway.usage.output_tokens",
} as const;

/** Event for every target that is not tried: on the `resolve_chain` span, or on the request's if it had no place later. */
export const skippedEventName = "target_skipped";

/** Event on the `resolve_chain` span for every expression that could not be evaluated on the request. */
export const expressionFailedEventName = "expression_failed";

/** Event on an attempt's span when its outcome moved the breaker of its target. */
export const breakerEventName = "breaker_changed";

/** Event on an attempt's span when its outcome told to leave the target alone for a while. */
export const coolingEventName = "target_cooling";
