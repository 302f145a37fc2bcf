import { RpcError } from "#rpc";

/**
 * What a failure of the store means to the caller. No SQL, no parameters and no address get into the message; they stay
 * in `cause`. An `RpcError` is handed through.
 */
export function toStoreError(thrown: unknown): RpcError {
  if (thrown instanceof RpcError) {
    return thrown;
  }
  const { code, constraint } = describe(thrown);
  if (isUnreachable(thrown, code)) {
    return new RpcError({
      code: "UNAVAILABLE",
      reason: "DATABASE_UNAVAILABLE",
      message: "the configuration database cannot be reached; try again later",
      cause: thrown,
    });
  }
  return constraintError(code, constraint, thrown) ?? internalError(thrown);
}

/** Whether a failure says that Postgres is away, so that the same call may succeed later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return error instanceof RpcError && error.reason === "DATABASE_UNAVAILABLE";
}

function describe(thrown: unknown): { code: string; constraint: string } {
  if (typeof thrown !== "object" || thrown === null) {
    return { code: "", constraint: "" };
  }
  const { code, constraint } = thrown as { code?: unknown; constraint?: unknown };
  return {
    code: typeof code === "string" ? code : "",
    constraint: typeof constraint === "string" ? constraint : "",
  };
}

function isUnreachable(thrown: unknown, code: string): boolean {
  if (unreachableCodes.has(code) || code.startsWith("08")) {
    return true;
  }
  // A host with several addresses fails with one error for each of them.
  if (thrown instanceof AggregateError) {
    return thrown.errors.some((one) => isUnreachable(one, describe(one).code));
  }
  return thrown instanceof Error && (unreachableNames.has(thrown.name) || unreachableMessage.test(thrown.message));
}

const unreachableCodes: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EPIPE", "ENOENT", "EHOSTUNREACH"],
  ...["ENETUNREACH", "EHOSTDOWN", "ECONNABORTED"],
  // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout
  ...["57P01", "57P02", "57P03", "57P04", "57P05"],
  // query_canceled by statement_timeout, lock_not_available, idle_in_transaction_session_timeout
  ...["57014", "55P03", "25P03"],
  // too_many_connections, out of disk, memory or other resources, read_only_sql_transaction on a standby
  ...["53300", "53100", "53200", "53000", "25006"],
  // the credentials or the database of DATABASE_URL are not there
  ...["28P01", "28000", "3D000"],
  // serialization_failure, deadlock_detected
  ...["40001", "40P01"],
]);
const unreachableNames: ReadonlySet<string> = new Set(["KnexTimeoutError", "TimeoutError"]);
// The driver gives these no code. Knex puts the statement before the driver's words.
const unreachableMessage =
  /(^| - )(connection terminated|connection ended|connection timeout|timeout expired|query read timeout|client (has encountered a connection error|was closed)|unable to acquire a connection|aborted$)/i;

function constraintError(code: string, constraint: string, cause: unknown): RpcError | undefined {
  const resourceType = resourceTypes[constraint];
  if (code === "23505" && resourceType !== undefined) {
    return new RpcError({
      code: "ALREADY_EXISTS",
      reason: "RESOURCE_ALREADY_EXISTS",
      message: `a ${resourceType} of this name already exists`,
      metadata: { resource_type: resourceType },
      cause,
    });
  }
  if (code === "23503") {
    return new RpcError({
      code: "FAILED_PRECONDITION",
      reason: "RESOURCE_IN_USE",
      message: "what is to be deleted is in use, or what is referred to is gone",
      cause,
    });
  }
  if (code === "22021" || code === "22P05") {
    return new RpcError({
      code: "INVALID_ARGUMENT",
      reason: "INVALID_FIELD",
      message: "a text of the request holds a character that cannot be stored (NUL)",
      cause,
    });
  }
  return undefined;
}

/** Kind of the thing that must be unique, by the constraint that says so. */
const resourceTypes: Readonly<Record<string, string>> = {
  secrets_name_is_unique: "secret",
  model_definitions_name_is_unique: "model",
  endpoints_name_is_unique: "endpoint",
  endpoint_model_mappings_are_unique: "mapping",
  api_keys_name_is_unique: "key",
  api_keys_hash_is_unique: "key",
  budgets_name_is_unique: "budget",
};

function internalError(cause: unknown): RpcError {
  return new RpcError({
    code: "INTERNAL",
    reason: "INTERNAL",
    message: "the config service failed; its log says why",
    cause,
  });
}
