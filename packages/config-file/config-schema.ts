import { configV1, errorsV1 } from "#contracts";
import {
  boolean,
  decimal,
  enumeration,
  failureClasses,
  float32,
  formatVersion,
  int32,
  list,
  milliseconds,
  optional,
  type RecordShape,
  record,
  required,
  text,
  textMap,
  texts,
  tokens,
  uint32,
} from "./shape.ts";

const classChanges = failureClasses(errorsV1.FailureClass);

const timeoutsOfTarget = {
  connect: optional("connectMs", milliseconds),
  first_token: optional("firstTokenMs", milliseconds),
  first_byte: optional("firstByteMs", milliseconds),
  idle: optional("idleMs", milliseconds),
  attempt: optional("attemptMs", milliseconds),
} as const;

const retries = record<configV1.Retries>({
  max: optional("max", uint32),
  initial_backoff: optional("initialBackoffMs", milliseconds),
  max_backoff: optional("maxBackoffMs", milliseconds),
});

const breaker = record<configV1.Breaker>({
  failure_ratio: optional("failureRatio", decimal),
  min_requests: optional("minRequests", uint32),
  window: optional("windowMs", milliseconds),
  open_for: optional("openForMs", milliseconds),
  half_open_probes: optional("halfOpenProbes", uint32),
});

const policyOfEndpoint = {
  timeouts: optional(
    "timeouts",
    record<configV1.Timeouts>({ ...timeoutsOfTarget, deadline: optional("deadlineMs", milliseconds) }),
  ),
  retries: optional("retries", retries),
  max_total_attempts: optional("maxTotalAttempts", uint32),
  breaker: optional("breaker", breaker),
  stream_mode: optional("streamMode", enumeration(configV1.StreamMode, "lower")),
  hedge_after: optional("hedgeAfterMs", milliseconds),
  max_concurrency: optional("maxConcurrency", uint32),
  max_queue_wait: optional("maxQueueWaitMs", milliseconds),
  redraw: optional("redraw", boolean),
  fallback_on: optional("fallbackOn", classChanges),
  retry_on: optional("retryOn", classChanges),
  echo_endpoint_name: optional("echoEndpointName", boolean),
} as const;

const onlyOnEndpoint = "belongs to the policy of an endpoint, not to that of one target";

/** The part of a policy that concerns one target, as models and entries of an endpoint carry it. */
const policyOfTarget = record<configV1.Policy>(
  {
    timeouts: optional("timeouts", record<configV1.Timeouts>(timeoutsOfTarget, { deadline: onlyOnEndpoint })),
    retries: policyOfEndpoint.retries,
    breaker: policyOfEndpoint.breaker,
    max_concurrency: policyOfEndpoint.max_concurrency,
  },
  Object.fromEntries(Object.keys(policyOfEndpoint).map((key) => [key, onlyOnEndpoint])),
);

const probe = record<configV1.Probe>({ path: required("path", text), interval: required("intervalMs", milliseconds) });

const secret = record<configV1.SecretEntry>({
  name: required("name", text),
  provider: required("provider", text),
  value: optional("value", textMap),
  auth_config: optional("authConfig", textMap),
});

const model = record<configV1.ModelEntry>({
  name: required("name", text),
  provider: required("provider", text),
  model: required("model", text),
  secret: optional("secret", text),
  base_url: optional("baseUrl", text),
  context_window: optional("contextWindow", tokens),
  max_output_tokens: optional("maxOutputTokens", tokens),
  capabilities: optional("capabilities", texts),
  price: optional(
    "price",
    record<configV1.Price>({ input: required("input", decimal), output: required("output", decimal) }),
  ),
  policy: optional("policy", policyOfTarget),
  probe: optional("probe", probe),
  propagate_trace_context: optional("propagateTraceContext", boolean),
});

const fallbackTarget = {
  model: required("model", text),
  policy: optional("policy", policyOfTarget),
  probe: optional("probe", probe),
} as const;

const endpoint = record<configV1.EndpointEntry>({
  name: required("name", text),
  description: optional("description", text),
  routing_strategy: optional("routingStrategy", enumeration(configV1.RoutingStrategy)),
  primary: required(
    "primary",
    list(record<configV1.TargetEntry>({ ...fallbackTarget, weight: optional("weight", float32) })),
  ),
  fallback: optional(
    "fallback",
    list(
      record<configV1.TargetEntry>(fallbackTarget, {
        weight: "belongs to an entry of `primary`; entries of `fallback` are tried in their order",
      }),
    ),
  ),
  fallback_config: optional(
    "fallbackConfig",
    record<configV1.FallbackConfig>({
      strategy: optional("strategy", enumeration(configV1.FallbackStrategy)),
      max_attempts: optional("maxAttempts", int32),
    }),
  ),
  policy: optional("policy", record<configV1.Policy>(policyOfEndpoint)),
  rules: optional(
    "rules",
    list(
      record<configV1.Rule>({
        name: required("name", text),
        when: required("when", text),
        use: required("use", texts),
      }),
    ),
  ),
  sticky_key: optional("stickyKey", text),
  tags: optional("tags", textMap),
});

const apiKey = record<configV1.KeyEntry>({
  name: required("name", text),
  value: required("value", text),
  endpoints: optional("endpoints", texts),
  limits: optional(
    "limits",
    record<configV1.ApiKeyLimits>({
      requests_per_minute: optional("requestsPerMinute", uint32),
      tokens_per_minute: optional("tokensPerMinute", tokens),
    }),
  ),
});

const budget = record<configV1.BudgetEntry>({
  name: required("name", text),
  unit: required("unit", enumeration(configV1.BudgetUnit)),
  amount: required("amount", decimal),
  duration: required(
    "duration",
    record<configV1.BudgetDuration>({
      unit: required("unit", enumeration(configV1.BudgetDurationUnit)),
      value: required("value", int32),
    }),
  ),
  scope: required("scope", enumeration(configV1.BudgetTargetScope)),
  action: required("action", enumeration(configV1.BudgetAction)),
});

/** Every key of the declarative file, what it must be, and the field of `ConfigDocument` that it fills. */
export const configSchema: RecordShape = record<configV1.ConfigDocument>({
  version: required("version", formatVersion),
  secrets: optional("secrets", list(secret)),
  models: optional("models", list(model)),
  endpoints: optional("endpoints", list(endpoint)),
  keys: optional("keys", list(apiKey)),
  budgets: optional("budgets", list(budget)),
});
