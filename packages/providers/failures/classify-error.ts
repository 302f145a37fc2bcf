import { errorsV1 } from "#contracts";
import type { AnswerHeaders } from "../answer-headers.ts";
import type { ErrorAnswer, ProviderFailure } from "../provider.ts";
import { toBareMessage } from "./bare-message.ts";
import { isCallersFault, toCallerError } from "./caller-error.ts";
import type { CodeTable } from "./error-codes.ts";
import { type ErrorFields, noErrorFields, readErrorFields } from "./error-fields.ts";
import { badResponse, type ErrorEvidence, toFailureClass } from "./failure-class.ts";
import { parseJson } from "./json-value.ts";
import { parseWait, readRateLimitReset, readRetryAfter, readWaitText } from "./retry-after.ts";

/** What one vendor means by its codes where that differs from everybody else. */
export interface ClassifyOptions {
  /** Lower-cased codes and types, looked up before the shared tables. */
  readonly codes?: CodeTable | undefined;
  /** The time, for waits that are told as a date; `Date.now` when left out. */
  readonly nowMs?: () => number;
}

/** An error body is read up to here; more than that is no error message. */
const maxErrorBytes = 256 * 1024;

const noHeaders: AnswerHeaders = {};

const { FailureClass } = errorsV1;
const limitClasses: ReadonlySet<errorsV1.FailureClass> = new Set([
  FailureClass.PROVIDER_RATE_LIMITED,
  FailureClass.PROVIDER_QUOTA_EXHAUSTED,
]);

/** Where a web page was written by something between us and the provider: it would have said what is wrong. */
const pageStatuses: ReadonlySet<number> = new Set([400, 403, 404, 405, 422]);

/** What an answer that is not a success means. Never throws. */
export function classifyErrorAnswer(answer: ErrorAnswer, options: ClassifyOptions = {}): ProviderFailure {
  const { status, headers } = answer;
  if (status < 400) {
    return badResponse(status);
  }
  const text = answer.body.toString("utf8", 0, Math.min(answer.body.length, maxErrorBytes)).trim();
  if (text.startsWith("<") && pageStatuses.has(status)) {
    return badResponse(status);
  }
  return toFailure(withHeaderCode(readText(text), headers), { status, stated: status, headers }, options);
}

/**
 * What an error inside a successful answer means, by the status that it states itself and by its code, type and message;
 * when none of them is known it is a PROVIDER_BAD_RESPONSE. `error` is the parsed answer or event.
 */
export function classifyErrorInside(error: unknown, options: ClassifyOptions = {}): ProviderFailure {
  const fields = readErrorFields(error) ?? noErrorFields;
  return toFailure(fields, { status: 200, stated: fields.statedStatus, headers: noHeaders }, options);
}

interface Circumstances {
  /** Status of the answer. */
  readonly status: number;
  /** The status that tells what happened; undefined when nothing does. */
  readonly stated: number | undefined;
  readonly headers: AnswerHeaders;
}

function toFailure(fields: ErrorFields, circumstances: Circumstances, options: ClassifyOptions): ProviderFailure {
  const nowMs = options.nowMs?.() ?? Date.now();
  const { status, headers } = circumstances;
  const evidence: ErrorEvidence = {
    fields,
    status: circumstances.stated,
    message: toBareMessage(fields.message),
    askedWaitMs: readRetryAfter(headers, nowMs) ?? parseWait(fields.retryInfoDelay, nowMs),
  };
  const failureClass = toFailureClass(evidence, options.codes);
  if (isCallersFault(failureClass)) {
    return { failureClass, status, callerError: toCallerError(fields, failureClass) };
  }
  const retryAfterMs = evidence.askedWaitMs ?? readOtherWait(evidence, failureClass, { headers, nowMs });
  return retryAfterMs === undefined ? { failureClass, status } : { failureClass, status, retryAfterMs };
}

/** A wait that is told in words, or by the headers which tell of rate limits with every answer. */
function readOtherWait(
  { fields, status }: ErrorEvidence,
  failureClass: errorsV1.FailureClass,
  { headers, nowMs }: { readonly headers: AnswerHeaders; readonly nowMs: number },
): number | undefined {
  if (!limitClasses.has(failureClass)) {
    return undefined;
  }
  const waitMs = readWaitText(fields.message, nowMs);
  // Of a request that is larger than the limit itself (413) no waiting helps, whatever the reset headers say.
  const hasReset = failureClass === FailureClass.PROVIDER_RATE_LIMITED && status !== 413;
  return waitMs ?? (hasReset ? readRateLimitReset(headers, nowMs) : undefined);
}

function readText(text: string): ErrorFields {
  const parsed = parseJson(text);
  if (parsed !== undefined) {
    return readErrorFields(parsed) ?? noErrorFields;
  }
  const isMessage = text !== "" && !text.startsWith("<") && !text.startsWith("{") && !text.startsWith("[");
  return (isMessage ? readErrorFields(text) : undefined) ?? noErrorFields;
}

/** Bedrock names the error in a header. */
function withHeaderCode(fields: ErrorFields, headers: AnswerHeaders): ErrorFields {
  const name = headers["x-amzn-errortype"];
  return typeof name === "string" && name !== ""
    ? { ...fields, codes: [name.replace(/:.*$/, "").toLowerCase(), ...fields.codes] }
    : fields;
}
