import type { AnswerHeaders } from "../answer-headers.ts";

const dayMs = 86_400_000;

/**
 * Milliseconds that an answer's own wait headers ask for: `retry-after-ms`, `x-ms-retry-after-ms`, then `retry-after` in
 * seconds, as an HTTP date or as a duration. Undefined when there are none, or they say more than a day or less than nothing.
 */
export function readRetryAfter(headers: AnswerHeaders, nowMs: number): number | undefined {
  return (
    toWait(toNumber(readHeader(headers, "retry-after-ms"))) ??
    toWait(toNumber(readHeader(headers, "x-ms-retry-after-ms"))) ??
    parseWait(readHeader(headers, "retry-after"), nowMs)
  );
}

/**
 * Milliseconds until the rate limit that is used up is full again, from `x-ratelimit-reset*` and
 * `anthropic-ratelimit-*-reset`. Many send these with every answer, so they mean something only when a rate was limited.
 */
export function readRateLimitReset(headers: AnswerHeaders, nowMs: number): number | undefined {
  let exhausted: number | undefined;
  let longest: number | undefined;
  for (const [name, value] of Object.entries(headers)) {
    const limit = toLimitName(name);
    if (limit === undefined) {
      continue;
    }
    const waitMs = parseReset(firstValue(value), nowMs);
    if (waitMs === undefined) {
      continue;
    }
    longest = Math.max(longest ?? 0, waitMs);
    if (toNumber(readHeader(headers, limit)) === 0) {
      exhausted = Math.max(exhausted ?? 0, waitMs);
    }
  }
  return exhausted ?? longest;
}

/**
 * Milliseconds that a message asks to wait: "Please try again in 1m2.5s", "retry after 22 seconds", "retry in 36.4s". Of a
 * date on which access is regained it is a day at most: whoever raises the limit before is not to wait for the month's end.
 */
export function readWaitText(message: string, nowMs: number): number | undefined {
  const found = /(?:try again|retry) (?:in|after) (\d[\d.]*(?:(?:ms|h|m|s)[\d.hms]*| ?seconds?| ?minutes?)?)/i.exec(
    message,
  )?.[1];
  if (found !== undefined) {
    const words = /^([\d.]+) ?(second|minute)/i.exec(found);
    return words === null
      ? parseWait(found, nowMs)
      : toWait(Number(words[1]) * (words[2]?.toLowerCase() === "minute" ? 60_000 : 1_000));
  }
  const regain = /regain access on (\d{4}-\d\d-\d\d) at (\d\d:\d\d) UTC/.exec(message);
  return regain === null ? undefined : toWait(Math.min(Date.parse(`${regain[1]}T${regain[2]}:00Z`) - nowMs, dayMs));
}

/** Milliseconds of a wait: seconds, a duration such as `1h2m3.5s` or `17ms`, an HTTP date or an RFC 3339 time. */
export function parseWait(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined || text === "") {
    return undefined;
  }
  const seconds = toNumber(text);
  return toWait(seconds === undefined ? (parseDuration(text) ?? parseTime(text, nowMs)) : seconds * 1_000);
}

/** The header that tells what remains of the limit whose reset this header tells; undefined for other headers. */
function toLimitName(name: string): string | undefined {
  if (name.startsWith("x-ratelimit-reset")) {
    return name.replace("reset", "remaining");
  }
  return name.startsWith("anthropic-ratelimit-") && name.endsWith("-reset")
    ? name.replace(/reset$/, "remaining")
    : undefined;
}

function parseReset(text: string | undefined, nowMs: number): number | undefined {
  const bare = text === undefined ? undefined : toNumber(text);
  if (bare === undefined || bare <= 1e9) {
    return parseWait(text, nowMs);
  }
  return toWait((bare > 1e12 ? bare : bare * 1_000) - nowMs);
}

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+\.?$/.test(text)) {
    return undefined;
  }
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) {
    sumMs += Number(amount) * (unitMs[unit ?? ""] ?? 0);
  }
  return sumMs;
}

function parseTime(text: string, nowMs: number): number | undefined {
  // Only a date with its weekday, or one that begins with a year: `Date.parse` takes nearly anything for a date.
  if (!/^(?:[A-Z][a-z]{2,8}, |\d{4}-\d\d-\d\dT)/.test(text)) {
    return undefined;
  }
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? undefined : timeMs - nowMs;
}

function toWait(waitMs: number | undefined): number | undefined {
  return waitMs !== undefined && waitMs >= 0 && waitMs <= dayMs ? Math.ceil(waitMs) : undefined;
}

function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}

function readHeader(headers: AnswerHeaders, name: string): string | undefined {
  return firstValue(headers[name]);
}

function firstValue(value: string | string[] | undefined): string | undefined {
  return (typeof value === "string" ? value : value?.[0])?.trim();
}
