import { isVagueStatus } from "./error-codes.ts";
import { type Json, parseJson, toJson } from "./json-value.ts";

/** What an error answer says, whichever vendor's shape it has. Codes are lower-cased, in the order in which they count. */
export interface ErrorFields {
  readonly codes: readonly string[];
  /** The status that the body names itself, e.g. `"code": 429`; undefined when it names none. */
  readonly statedStatus: number | undefined;
  /** The message field's first 4 KB; empty when there is none. */
  readonly message: string;
  readonly type: string | undefined;
  readonly code: string | undefined;
  readonly param: string | undefined;
  /** The duration in Google's RetryInfo as it stands there, e.g. `36s`. */
  readonly retryInfoDelay: string | undefined;
  /** Whether it has Google's shape, whose texts speak of quota even when only a rate is limited. */
  readonly isGoogle: boolean;
  /** Ids of Google's violated quotas. */
  readonly quotaIds: readonly string[];
  /** Whether a violated quota of Google is 0, so that waiting never helps. */
  readonly hasZeroQuota: boolean;
  /** Whether OpenRouter's moderation or guardrail says why it refused. */
  readonly isModerated: boolean;
  /** OpenRouter's `limit_source`. */
  readonly limitSource: string | undefined;
}

/** Of an error that says nothing. */
export const noErrorFields: ErrorFields = {
  codes: [],
  statedStatus: undefined,
  message: "",
  type: undefined,
  code: undefined,
  param: undefined,
  retryInfoDelay: undefined,
  isGoogle: false,
  quotaIds: [],
  hasZeroQuota: false,
  isModerated: false,
  limitSource: undefined,
};

/** The longest part of a message that is read; a prompt may be echoed in it. It is more than may be told. */
const maxMessageLength = 4_096;

/** The body's fields, or undefined when it is no JSON object (or a list with one in it). A string is taken as a message. */
export function readErrorFields(body: unknown): ErrorFields | undefined {
  const root = toJson(Array.isArray(body) ? body[0] : body);
  if (root === undefined) {
    return typeof body === "string" ? collect({}, {}, body) : undefined;
  }
  const error = root.error;
  if (typeof error === "string") {
    return collect(root, {}, error);
  }
  const inner = toJson(error);
  if (inner !== undefined) {
    return withUpstream(collect(inner, root, messageText(inner.message, root.message, inner.detail)), inner);
  }
  const fault = toJson(root.fault);
  if (fault !== undefined) {
    return collect({ code: toJson(fault.detail)?.errorcode }, root, firstText(fault.faultstring));
  }
  const groq = toJson(root.x_groq)?.error;
  if (groq !== undefined && groq !== null) {
    return readErrorFields({ error: groq });
  }
  return collect(root, {}, messageText(root.message, root.Message, root.detail, root.title));
}

/**
 * OpenRouter says no more than "Provider returned error", and hands on what the provider answered as a text. It is read where
 * the status leaves the fault open; where it does not, it speaks of the provider's limits with OpenRouter, not of ours.
 */
function withUpstream(fields: ErrorFields, error: Json): ErrorFields {
  const raw = toText(toJson(error.metadata)?.raw);
  if (raw === undefined || fields.message !== "Provider returned error" || !isVagueStatus(fields.statedStatus ?? 0)) {
    return fields;
  }
  const upstream = readErrorFields(parseJson(raw) ?? raw) ?? noErrorFields;
  return {
    ...fields,
    codes: [...fields.codes, ...upstream.codes],
    message: upstream.message === "" ? fields.message : upstream.message,
    type: upstream.type ?? fields.type,
    code: upstream.code ?? fields.code,
    param: upstream.param ?? fields.param,
  };
}

function collect(error: Json, root: Json, message: string): ErrorFields {
  const details = readDetails(error.details);
  const metadata = toJson(error.metadata);
  const candidates = [
    toJson(error.details)?.error_code,
    metadata?.error_type,
    toJson(error.innererror)?.code,
    ...details.reasons,
    error.code,
    error.type,
    error.error_code,
    error.__type,
    root.error_code,
    root.code,
    error.status,
  ];
  const codes = candidates
    .filter((code) => typeof code === "string" && code !== "" && code.length <= 128)
    .map((code) => toBareCode(String(code)));
  return {
    codes,
    statedStatus: firstStatus(error.code, error.status, root.status_code, error.status_code, root.code, root.status),
    message: cutMessage(message),
    type: toText(error.type),
    code: typeof error.code === "number" ? String(error.code) : toText(error.code),
    param: toText(error.param),
    retryInfoDelay: details.retryDelay,
    isGoogle: typeof error.status === "string" && /^[A-Z_]+$/.test(error.status),
    quotaIds: details.quotaIds,
    hasZeroQuota: details.hasZeroQuota || /\blimit: 0\b/.test(message),
    isModerated: Array.isArray(metadata?.reasons) || Array.isArray(metadata?.patterns),
    limitSource: toText(metadata?.limit_source),
  };
}

/** A token that the cut goes through is left out: it might no longer look like a key. */
function cutMessage(message: string): string {
  return message.length <= maxMessageLength ? message : message.slice(0, maxMessageLength).replace(/\S{0,256}$/, "");
}

interface GoogleDetails {
  readonly reasons: string[];
  readonly quotaIds: string[];
  hasZeroQuota: boolean;
  retryDelay: string | undefined;
}

function readDetails(details: unknown): GoogleDetails {
  const found: GoogleDetails = { reasons: [], quotaIds: [], hasZeroQuota: false, retryDelay: undefined };
  for (const entry of Array.isArray(details) ? details.slice(0, 16) : []) {
    const detail = toJson(entry);
    if (typeof detail?.reason === "string") {
      found.reasons.push(detail.reason);
    }
    found.retryDelay ??= toText(detail?.retryDelay);
    for (const violation of Array.isArray(detail?.violations) ? detail.violations.slice(0, 16) : []) {
      const { quotaId, quotaValue } = toJson(violation) ?? {};
      if (typeof quotaId === "string") {
        found.quotaIds.push(quotaId);
      }
      found.hasZeroQuota ||= quotaValue === "0" || quotaValue === 0;
    }
  }
  return found;
}

/** The first of these that says something. Some wrap it once more: `{"error": …}`, `{"detail": […]}`. */
function messageText(...candidates: readonly unknown[]): string {
  return firstText(
    ...candidates.map((candidate) => {
      const wrapped = toJson(candidate);
      return wrapped === undefined
        ? listText(candidate)
        : firstText(wrapped.error, wrapped.message, listText(wrapped.detail));
    }),
  );
}

/** A step of a path: the name of a member or the place in a list. */
function isStep(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number";
}

/** FastAPI and Mistral list what is wrong: `[{loc, msg, type}]`. What is no list stays as it is. */
function listText(detail: unknown): unknown {
  if (!Array.isArray(detail)) {
    return detail;
  }
  const faults = detail.slice(0, 8).map((entry) => {
    const fault = toJson(entry) ?? {};
    const place = Array.isArray(fault.loc) ? `${fault.loc.filter(isStep).join(".")}: ` : "";
    return place + (toText(fault.msg) ?? "");
  });
  return faults.join("; ");
}

function firstText(...candidates: readonly unknown[]): string {
  for (const candidate of candidates) {
    const text = toText(candidate);
    if (text !== undefined) {
      return text;
    }
  }
  return "";
}

function firstStatus(...candidates: readonly unknown[]): number | undefined {
  for (const candidate of candidates) {
    const status = typeof candidate === "string" && /^\d{3}$/.test(candidate) ? Number(candidate) : candidate;
    if (typeof status === "number" && status >= 400 && status <= 599) {
      return status;
    }
  }
  return undefined;
}

/** AWS writes `ThrottlingException:http://…` and `com.amazon#ThrottlingException`. */
function toBareCode(code: string): string {
  const bare = code.slice(code.lastIndexOf("#") + 1);
  const colon = bare.indexOf(":");
  return (colon > 0 ? bare.slice(0, colon) : bare).toLowerCase();
}

function toText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
