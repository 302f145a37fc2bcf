import { googleRpc, inferenceV1 } from "#contracts";
import { type OpenAiError, toOpenAiErrorAttempts } from "#dialects";
import { type RpcCode, RpcError } from "#rpc";

/** What a caller is told over HTTP about a request that was not served. */
export interface HttpFailure {
  readonly status: number;
  readonly error: OpenAiError;
  /** Whole seconds for `Retry-After`; undefined for no such header. */
  readonly retryAfterSeconds: number | undefined;
  /** False tells client libraries not to retry on their own: this service already did all that helps. */
  readonly shouldRetry: boolean;
  /** Undefined when the request did not come as far as a chain. */
  readonly trail: inferenceV1.RouteTrail | undefined;
  /** Revision of the configuration that decided, where no trail tells it; undefined when none is known. */
  readonly revision: string | undefined;
}

const statusByCode: Readonly<Record<RpcCode, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
  INTERNAL: 500,
  UNKNOWN: 500,
  DATA_LOSS: 500,
};

const codeByReason: Readonly<Record<string, string>> = {
  ENDPOINT_NOT_FOUND: "model_not_found",
  CREDENTIAL_MISSING: "invalid_api_key",
  CREDENTIAL_INVALID: "invalid_api_key",
  TARGETS_RATE_LIMITED: "rate_limit_exceeded",
};

// Client libraries ignore a longer Retry-After and retry at once.
const longestHeededRetryAfterSeconds = 60;

/** Translates whatever a service call threw. What is not an `RpcError` is a fault of this process and says nothing more. */
export function toHttpFailure(thrown: unknown): HttpFailure {
  const error = thrown instanceof RpcError ? thrown : internalError;
  const { metadata, reason } = error;
  const status = toStatus(error);
  const trail = error.detail("spillway.inference.v1.RouteTrail", inferenceV1.RouteTrail);
  const retryAfterSeconds = toRetryAfterSeconds(error);
  return {
    status,
    error: {
      message: error.message,
      type: status === 401 ? "authentication_error" : (metadata.type ?? toErrorType(status)),
      param: metadata.param ?? metadata.field ?? (reason === "ENDPOINT_NOT_FOUND" ? "model" : null),
      code: toErrorCode(error),
      ...(trail !== undefined && trail.attempts.length > 0 && { attempts: toOpenAiErrorAttempts(trail) }),
    },
    retryAfterSeconds,
    shouldRetry: !isRetryPointless(status, retryAfterSeconds, trail),
    trail,
    revision: wholeNumber.test(metadata.revision ?? "") ? metadata.revision : undefined,
  };
}

/** A failure that this service finds itself, before any other service is asked. */
export function createHttpFailure(
  status: number,
  error: {
    readonly message: string;
    readonly code: string;
    readonly param?: string | undefined;
    readonly revision?: string;
  },
): HttpFailure {
  const { message, code, param, revision } = error;
  return {
    status,
    error: { message, type: toErrorType(status), param: param ?? null, code },
    retryAfterSeconds: undefined,
    shouldRetry: true,
    trail: undefined,
    revision,
  };
}

const wholeNumber = /^\d{1,20}$/;
const internalError = new RpcError({ code: "INTERNAL", reason: "INTERNAL", message: "Internal error." });

function toStatus({ code, metadata }: RpcError): number {
  const told = Number(metadata.http_status);
  return Number.isInteger(told) && told >= 400 && told <= 599 ? told : statusByCode[code];
}

function toErrorType(status: number): string {
  if (status >= 500) {
    return "server_error";
  }
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return "invalid_request_error";
  }
}

function toErrorCode({ code, reason, metadata }: RpcError): string | null {
  const known = metadata.code ?? codeByReason[reason];
  if (known !== undefined) {
    return known;
  }
  if (code === "UNAUTHENTICATED") {
    return "invalid_api_key";
  }
  // The provider's own words stand for a caller's fault; it gave no code.
  return reason === "CALLER_FAULT" ? null : reason.toLowerCase();
}

function toRetryAfterSeconds(error: RpcError): number | undefined {
  const delay = error.detail("google.rpc.RetryInfo", googleRpc.RetryInfo)?.retryDelay;
  return delay === undefined ? undefined : Math.max(1, Number(delay.seconds) + (delay.nanos > 0 ? 1 : 0));
}

function isRetryPointless(
  status: number,
  retryAfterSeconds: number | undefined,
  trail: inferenceV1.RouteTrail | undefined,
): boolean {
  if (retryAfterSeconds !== undefined) {
    return retryAfterSeconds > longestHeededRetryAfterSeconds;
  }
  const wasTried = trail?.attempts.some((attempt) => attempt.index > 0) ?? false;
  return status >= 500 && wasTried;
}
