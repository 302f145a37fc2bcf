import { errorsV1 } from "#contracts";

type FailureClass = errorsV1.FailureClass;
const {
  CALLER_INVALID_REQUEST: invalidRequest,
  CALLER_CONTEXT_LENGTH_EXCEEDED: contextLength,
  CALLER_CONTENT_POLICY: contentPolicy,
  PROVIDER_RATE_LIMITED: rateLimited,
  PROVIDER_QUOTA_EXHAUSTED: quotaExhausted,
  PROVIDER_CREDENTIALS_REJECTED: credentialsRejected,
  PROVIDER_MODEL_NOT_FOUND: modelNotFound,
  PROVIDER_OVERLOADED: overloaded,
  PROVIDER_ERROR: providerError,
  PROVIDER_BAD_RESPONSE: badResponse,
} = errorsV1.FailureClass;

/** Codes and types of every vendor, lower-cased, by what they mean. */
export type CodeTable = ReadonlyMap<string, FailureClass>;

/**
 * Codes that mean one thing whatever the status says and the message reads like. The quota's stand apart: some vendors
 * send them as the type of an error whose code is a milder one.
 */
export const quotaCodes: CodeTable = toTable([
  [quotaExhausted, "insufficient_quota", "credit_balance_exhausted", "billing_not_active"],
  [quotaExhausted, "billing_hard_limit_reached", "billing_error", "enforced_spend_limit_reached", "budget_exceeded"],
  [quotaExhausted, "exceeded_current_quota_error", "payment_required", "insufficient_balance", "insufficient_credits"],
  [quotaExhausted, "servicequotaexceededexception"],
]);

/** Codes that mean one thing whatever the status says and the message reads like. */
export const preciseCodes: CodeTable = toTable([
  [credentialsRejected, "invalid_api_key", "incorrect_api_key", "api_key_invalid", "api_key_expired"],
  [credentialsRejected, "authentication_error", "authentication", "unauthenticated", "account_deactivated"],
  [credentialsRejected, "unsupported_country_region_territory", "accessdeniedexception", "unrecognizedclientexception"],
  [credentialsRejected, "invalidsignatureexception", "expiredtokenexception", "missingauthenticationtokenexception"],
  [credentialsRejected, "incompletesignatureexception", "invalid_encrypted_content"],
  // Settings of our account at the vendor, under 400.
  [credentialsRejected, "model_terms_required"],
  [modelNotFound, "model_not_found", "model_not_available", "unknown_model", "deploymentnotfound"],
  [modelNotFound, "model_decommissioned", "model_not_supported", "unavailable_model", "operationnotsupported"],
  [modelNotFound, "resourcenotfoundexception", "resource_does_not_exist", "endpoint_not_found", "invalid_model"],
  [contextLength, "context_length_exceeded", "token_limit_exceeded", "context_window_exceeded"],
  [contentPolicy, "content_policy_violation", "content_filter", "responsibleaipolicyviolation", "invalid_prompt"],
  [contentPolicy, "bio_policy", "image_content_policy_violation", "moderation_blocked", "refusal"],
  [contentPolicy, "data_inspection_failed"],
  [invalidRequest, "unsupported_parameter", "unsupported_value", "unknown_parameter", "missing_required_parameter"],
  [invalidRequest, "decimal_above_max_value", "decimal_below_min_value", "integer_above_max_value"],
  [invalidRequest, "integer_below_min_value", "string_above_max_length", "array_above_max_length", "string_too_long"],
  [invalidRequest, "max_tokens_exceeded", "invalid_type", "invalid_value", "invalid_image_url"],
  [invalidRequest, "invalid_function_parameters", "request_too_large", "payload_too_large", "unprocessable"],
  [invalidRequest, "invalid_parameter_value", "bad_request_params"],
  [rateLimited, "rate_limit_exceeded", "rate_limit_reached_error", "request_limit_exceeded", "too_many_requests"],
  [rateLimited, "toomanyrequestsexception"],
  [overloaded, "overloaded_error", "engine_overloaded_error", "capacity_exceeded", "provider_overloaded"],
  [overloaded, "server_overloaded", "modelnotreadyexception", "serviceunavailableexception", "temporarily_unavailable"],
  [overloaded, "insufficient_system_resource"],
  [providerError, "modeltimeoutexception", "modelerrorexception", "modelstreamerrorexception"],
  [providerError, "internalserverexception"],
  // The model's fault and not the caller's: it called a tool wrongly, or did not keep to the schema.
  [badResponse, "tool_use_failed", "json_validate_failed"],
]);

/** Codes that many faults share: the message may say something more precise. */
export const vagueCodes: CodeTable = toTable([
  [rateLimited, "rate_limit_error", "requests", "tokens", "resource_exhausted", "rate_limit", "throttled"],
  [rateLimited, "throttlingexception"],
  [credentialsRejected, "permission_error", "permission_denied", "permissiondenied", "unauthorized", "forbidden"],
  [credentialsRejected, "unauthorized_error", "failed_precondition", "authorization_error", "autherror"],
  [modelNotFound, "not_found_error", "not_found", "notfounderror", "notfound"],
  [overloaded, "unavailable", "service_unavailable", "serviceunavailableerror", "overloaded"],
  [overloaded, "service_unavailable_error"],
  [providerError, "server_error", "api_error", "internal_server_error", "internalservererror", "internal_error"],
  [providerError, "internal", "timeout_error", "timeout", "deadline_exceeded", "server", "provider_unavailable"],
  [providerError, "bad_gateway"],
  [invalidRequest, "invalid_request_error", "badrequesterror", "bad_request", "invalid_argument"],
  [invalidRequest, "validationexception", "invalid_request", "validation_error", "precondition_failed"],
  [invalidRequest, "invalid_request_message"],
]);

/** What the status alone means when nothing else is known. */
export function toClassByStatus(status: number): FailureClass {
  return classByStatus.get(status) ?? (status >= 300 && status < 400 ? badResponse : providerError);
}

/** Whether the status leaves open what kind of the caller's or our own fault it was. */
export function isVagueStatus(status: number): boolean {
  return toClassByStatus(status) === invalidRequest;
}

const classByStatus: ReadonlyMap<number, FailureClass> = new Map([
  [400, invalidRequest],
  [401, credentialsRejected],
  [402, quotaExhausted],
  [403, credentialsRejected],
  [404, modelNotFound],
  [410, modelNotFound],
  [413, invalidRequest],
  [415, invalidRequest],
  [422, invalidRequest],
  [429, rateLimited],
  [431, invalidRequest],
  [498, contentPolicy],
  // Not to be tried again at the same place, as other 5xx are.
  [501, badResponse],
  [503, overloaded],
  [529, overloaded],
]);

function toTable(rows: readonly (readonly [FailureClass, ...string[]])[]): CodeTable {
  return new Map(rows.flatMap(([failureClass, ...codes]) => codes.map((code) => [code, failureClass] as const)));
}
