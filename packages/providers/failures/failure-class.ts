import { errorsV1 } from "#contracts";
import type { ProviderFailure } from "../provider.ts";
import { type CodeTable, isVagueStatus, preciseCodes, quotaCodes, toClassByStatus, vagueCodes } from "./error-codes.ts";
import type { ErrorFields } from "./error-fields.ts";
import {
  beginsWithQuotaExhausted,
  hintsAtBilling,
  saysContentRefused,
  saysContextExceeded,
  saysDegraded,
  saysFileMissing,
  saysKeyRejected,
  saysOrganizationUnverified,
  saysOverloaded,
  saysQuotaExhausted,
} from "./message-phrases.ts";
import { saysModelMissing } from "./model-phrases.ts";

type FailureClass = errorsV1.FailureClass;
const { FailureClass } = errorsV1;

/** What there is to judge an error by. */
export interface ErrorEvidence {
  readonly fields: ErrorFields;
  /** The status that tells what happened; undefined for an error inside a success that states none. */
  readonly status: number | undefined;
  /** The bare message. */
  readonly message: string;
  /** The wait that the answer asks for in so many words. */
  readonly askedWaitMs: number | undefined;
}

/** An answer that is not what the protocol promises. */
export function badResponse(status: number): ProviderFailure {
  return { failureClass: FailureClass.PROVIDER_BAD_RESPONSE, status };
}

/**
 * The class of an error. What is precise comes first: the vendor's own codes, codes that mean one thing everywhere, then the
 * message where the status leaves open what happened, then vague codes, then the status alone.
 */
export function toFailureClass(evidence: ErrorEvidence, ownCodes: CodeTable | undefined): FailureClass {
  const { fields, status } = evidence;
  return (
    findCode(fields, ownCodes) ??
    toClassByVendorRule(evidence) ??
    findCode(fields, quotaCodes) ??
    findCode(fields, preciseCodes) ??
    toClassByMessage(evidence) ??
    toClassByVagueCode(fields, status) ??
    (status === undefined ? FailureClass.PROVIDER_BAD_RESPONSE : toClassByStatus(status))
  );
}

function findCode(fields: ErrorFields, table: CodeTable | undefined): FailureClass | undefined {
  if (table !== undefined) {
    for (const code of fields.codes) {
      const failureClass = table.get(code);
      if (failureClass !== undefined) {
        return failureClass;
      }
    }
  }
  return undefined;
}

/** Where one vendor's details decide against what its own code and text say. */
function toClassByVendorRule({ fields, status, message, askedWaitMs }: ErrorEvidence): FailureClass | undefined {
  if (fields.isGoogle && status === 429) {
    const isForTheDay = fields.quotaIds.some((id) => id.includes("PerDay")) || fields.hasZeroQuota;
    return isForTheDay && fields.retryInfoDelay === undefined
      ? FailureClass.PROVIDER_QUOTA_EXHAUSTED
      : FailureClass.PROVIDER_RATE_LIMITED;
  }
  if (status === 402 && askedWaitMs !== undefined && fields.limitSource === "openrouter_in_flight_budget") {
    return FailureClass.PROVIDER_RATE_LIMITED;
  }
  if (status === 400 && saysOrganizationUnverified(message)) {
    return FailureClass.PROVIDER_CREDENTIALS_REJECTED;
  }
  return status === 403 && fields.isModerated ? FailureClass.CALLER_CONTENT_POLICY : undefined;
}

function toClassByMessage(evidence: ErrorEvidence): FailureClass | undefined {
  const { message, status } = evidence;
  if (message === "") {
    return undefined;
  }
  if ((status === 403 || status === 404) && saysFileMissing(message)) {
    return FailureClass.CALLER_INVALID_REQUEST;
  }
  if (saysQuota(evidence)) {
    return FailureClass.PROVIDER_QUOTA_EXHAUSTED;
  }
  if (isOpen(status)) {
    return toClassOfOpenStatus(evidence) ?? (status === undefined ? toClassOfOverload(message) : undefined);
  }
  if (status === 403 && saysContentRefused(message)) {
    return FailureClass.CALLER_CONTENT_POLICY;
  }
  if (status === 501 && saysModelMissing(message)) {
    return FailureClass.PROVIDER_MODEL_NOT_FOUND;
  }
  return status === 500 ? toClassOfOverload(message) : undefined;
}

/** Whether the status leaves open whose fault it was. */
function isOpen(status: number | undefined): boolean {
  return status === undefined || isVagueStatus(status);
}

function saysQuota({ message, status, askedWaitMs }: ErrorEvidence): boolean {
  if (status !== undefined && status >= 500) {
    return false;
  }
  // Here the message may quote the request, and a quote must not cool a target.
  if (isOpen(status) || status === 404) {
    return beginsWithQuotaExhausted(message);
  }
  return saysQuotaExhausted(message) || (status === 429 && askedWaitMs === undefined && hintsAtBilling(message));
}

function toClassOfOpenStatus({ message, fields }: ErrorEvidence): FailureClass | undefined {
  if (saysKeyRejected(message)) {
    return FailureClass.PROVIDER_CREDENTIALS_REJECTED;
  }
  if (saysContentRefused(message)) {
    return FailureClass.CALLER_CONTENT_POLICY;
  }
  if (saysContextExceeded(message)) {
    return FailureClass.CALLER_CONTEXT_LENGTH_EXCEEDED;
  }
  if (saysDegraded(message)) {
    return FailureClass.PROVIDER_OVERLOADED;
  }
  // The caller names an endpoint: the name of the provider's model is ours.
  return saysModelMissing(message) || fields.param === "model" ? FailureClass.PROVIDER_MODEL_NOT_FOUND : undefined;
}

function toClassOfOverload(message: string): FailureClass | undefined {
  return saysOverloaded(message) ? FailureClass.PROVIDER_OVERLOADED : undefined;
}

/** A vague code counts where the status says no more than that something is wrong. */
function toClassByVagueCode(fields: ErrorFields, status: number | undefined): FailureClass | undefined {
  const failureClass = findCode(fields, vagueCodes);
  if (status === undefined || failureClass === undefined || isVagueStatus(status)) {
    return failureClass;
  }
  const isCaller = failureClass === FailureClass.CALLER_INVALID_REQUEST;
  return toClassByStatus(status) === FailureClass.PROVIDER_ERROR && !isCaller ? failureClass : undefined;
}
