import { errorsV1 } from "#contracts";

type FailureClass = errorsV1.FailureClass;
const {
  CALLER_INVALID_REQUEST: INV,
  CALLER_CONTEXT_LENGTH_EXCEEDED: CTX,
  CALLER_CONTENT_POLICY: POL,
  PROVIDER_RATE_LIMITED: RATE,
  PROVIDER_QUOTA_EXHAUSTED: QUOTA,
  PROVIDER_CREDENTIALS_REJECTED: CRED,
  PROVIDER_MODEL_NOT_FOUND: MODEL,
  PROVIDER_OVERLOADED: OVER,
  PROVIDER_ERROR: ERR,
  PROVIDER_BAD_RESPONSE: BAD,
} = errorsV1.FailureClass;

/** Codes and types of every vendor, lower-cased, by what they mean. */
export type CodeTable = ReadonlyMap<string, FailureClass>;

/**
 * Codes that mean one thing whatever the status says and the message reads like. The quota's stand apart: some vendors
 * send them as the type of an error whose code is a milder one.
 */
export const quotaCodes: CodeTable = toTable([
  [
    QUOTA,
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_not_active",
    "billing_hard_limit_reached",
    "billing_error",
    "enforced_spend_limit_reached",
    "exceeded_current_quota_error",
    "payment_required",
    "insufficient_balance",
    "insufficient_credits",
    "servicequotaexceededexception",
  ],
]);

/** Codes that mean one thing whatever the status says and the message reads like. */
export const preciseCodes: CodeTable = toTable([
  [CRED, "invalid_api_key", "incorrect_api_key", "api_key_invalid", "api_key_expired", "authentication_error"],
  [CRED, "authentication", "unauthenticated", "account_deactivated", "unsupported_country_region_territory"],
  [CRED, "accessdeniedexception", "unrecognizedclientexception", "invalidsignatureexception", "expiredtokenexception"],
  [CRED, "missingauthenticationtokenexception", "incompletesignatureexception", "invalid_encrypted_content"],
  [MODEL, "model_not_found", "model_not_available", "unknown_model", "deploymentnotfound", "model_decommissioned"],
  [MODEL, "resourcenotfoundexception", "resource_does_not_exist", "endpoint_not_found", "invalid_model"],
  [CTX, "context_length_exceeded", "token_limit_exceeded", "context_window_exceeded"],
  [POL, "content_policy_violation", "content_filter", "responsibleaipolicyviolation", "invalid_prompt", "bio_policy"],
  [POL, "image_content_policy_violation", "moderation_blocked", "refusal"],
  [INV, "unsupported_parameter", "unsupported_value", "unknown_parameter", "missing_required_parameter"],
  [INV, "decimal_above_max_value", "decimal_below_min_value", "integer_above_max_value", "integer_below_min_value"],
  [INV, "string_above_max_length", "array_above_max_length", "string_too_long", "max_tokens_exceeded", "invalid_type"],
  [INV, "invalid_value", "invalid_image_url", "invalid_function_parameters", "request_too_large", "payload_too_large"],
  [INV, "unprocessable", "invalid_parameter_value", "bad_request_params"],
  [RATE, "rate_limit_exceeded", "rate_limit_reached_error", "throttlingexception", "request_limit_exceeded"],
  [RATE, "too_many_requests", "toomanyrequestsexception"],
  [
    OVER,
    "overloaded_error",
    "engine_overloaded_error",
    "capacity_exceeded",
    "provider_overloaded",
    "server_overloaded",
  ],
  [OVER, "modelnotreadyexception", "serviceunavailableexception", "temporarily_unavailable"],
  [OVER, "insufficient_system_resource"],
  [ERR, "modeltimeoutexception", "modelerrorexception", "modelstreamerrorexception", "internalserverexception"],
  // The model's fault and not the caller's: it called a tool wrongly, or did not keep to the schema.
  [BAD, "tool_use_failed", "json_validate_failed"],
]);

/** Codes that many faults share: the message may say something more precise. */
export const vagueCodes: CodeTable = toTable([
  [RATE, "rate_limit_error", "requests", "tokens", "resource_exhausted", "rate_limit", "throttled"],
  [CRED, "permission_error", "permission_denied", "permissiondenied", "unauthorized", "forbidden"],
  [CRED, "unauthorized_error", "failed_precondition", "authorization_error", "autherror"],
  [MODEL, "not_found_error", "not_found", "notfounderror", "notfound"],
  [OVER, "unavailable", "service_unavailable", "serviceunavailableerror", "overloaded", "service_unavailable_error"],
  [ERR, "server_error", "api_error", "internal_server_error", "internalservererror", "internal_error", "internal"],
  [ERR, "timeout_error", "timeout", "deadline_exceeded", "server", "provider_unavailable", "bad_gateway"],
  [INV, "invalid_request_error", "badrequesterror", "bad_request", "invalid_argument", "validationexception"],
  [INV, "invalid_request", "validation_error", "precondition_failed", "invalid_request_message"],
]);

/** What the status alone means when nothing else is known. */
export function toClassByStatus(status: number): FailureClass {
  return classByStatus.get(status) ?? (status >= 300 && status < 400 ? BAD : ERR);
}

/** Whether the status leaves open what kind of the caller's or our own fault it was. */
export function isVagueStatus(status: number): boolean {
  return toClassByStatus(status) === INV;
}

const classByStatus: ReadonlyMap<number, FailureClass> = new Map([
  [400, INV],
  [401, CRED],
  [402, QUOTA],
  [403, CRED],
  [404, MODEL],
  [410, MODEL],
  [413, INV],
  [415, INV],
  [422, INV],
  [429, RATE],
  [431, INV],
  [498, POL],
  [503, OVER],
  [529, OVER],
]);

function toTable(rows: readonly (readonly [FailureClass, ...string[]])[]): CodeTable {
  return new Map(rows.flatMap(([failureClass, ...codes]) => codes.map((code) => [code, failureClass] as const)));
}
