import type { MetricDescription } from "#runtime";

/**
 * Every metric of this service, named in OpenTelemetry's way. They are an interface: dashboards and alerts are built on
 * them. The GenAI ones follow the semantic conventions for generative AI as of November 2026.
 */
export const metrics = {
  operationDuration: {
    name: "gen_ai.client.operation.duration",
    unit: "s",
    description: "Duration of one attempt at one target.",
  },
  timeToFirstChunk: {
    name: "gen_ai.client.operation.time_to_first_chunk",
    unit: "s",
    description: "Time from the start of a streamed attempt to its first output.",
  },
  tokenUsage: { name: "gen_ai.client.token.usage", unit: "{token}", description: "Tokens that an attempt used." },
  requestDuration: {
    name: "spillway.request.duration",
    unit: "s",
    description: "Duration of a request with all its attempts, for a stream until its end.",
  },
  requestAttempts: {
    name: "spillway.request.attempts",
    unit: "{attempt}",
    description: "Attempts that a request took.",
  },
  overheadDuration: {
    name: "spillway.overhead.duration",
    unit: "s",
    description: "Part of a request's duration in which no provider was waited for; waits before retries included.",
  },
  fallbacks: {
    name: "spillway.fallbacks",
    unit: "{fallback}",
    description: "Moves from one target to the next because of a failure.",
  },
  expressionFailures: {
    name: "spillway.expression.failures",
    unit: "{failure}",
    description: "Rules and sticky keys that could not be evaluated on a request.",
  },
  targetState: {
    name: "spillway.target.state",
    unit: "",
    description: "1 for the state in which each target is.",
  },
  targetChanges: {
    name: "spillway.target.changes",
    unit: "{change}",
    description: "Changes of a target's health.",
  },
  ready: { name: "spillway.ready", unit: "", description: "Whether requests can be answered, 1 or 0." },
  configRevision: {
    name: "spillway.config.revision",
    unit: "",
    description: "Revision of the configuration in force.",
  },
  configAge: { name: "spillway.config.age", unit: "s", description: "Time since the config service was last heard." },
  configStale: {
    name: "spillway.config.stale",
    unit: "",
    description: "Whether the configuration may be out of date, 1 or 0.",
  },
} as const satisfies Readonly<Record<string, MetricDescription>>;

/** Labels of the metrics; each has few values, all of them from the configuration or from closed lists. */
export const labels = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  tokenType: "gen_ai.token.type",
  errorType: "error.type",
  endpoint: "spillway.endpoint.name",
  outcome: "spillway.outcome",
  targetId: "spillway.target.id",
  targetState: "spillway.target.state",
  changeFrom: "spillway.change.from",
  changeTo: "spillway.change.to",
  fallbackFrom: "spillway.fallback.from",
  fallbackTo: "spillway.fallback.to",
  failureClass: "spillway.attempt.failure_class",
} as const;

/** Upper bounds of buckets; those of `gen_ai` are the conventions'. */
export const bucketBounds = {
  duration: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68],
  firstChunk: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  tokens: [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864],
  attempts: [1, 2, 3, 4, 5, 6, 8, 10],
  overhead: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
} as const;
