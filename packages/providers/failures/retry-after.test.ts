import { describe, expect, test } from "vitest";
import { parseWait, readRateLimitReset, readRetryAfter, readWaitText } from "./retry-after.ts";

const nowMs = Date.parse("2026-07-31T12:00:00Z");

describe("a wait", () => {
  test.each([
    ["2", 2_000],
    ["0", 0],
    ["1.5", 1_500],
    ["Fri, 31 Jul 2026 12:00:30 GMT", 30_000],
    ["2026-07-31T12:01:00Z", 60_000],
    ["2026-07-31T14:01:00+02:00", 60_000],
    ["17ms", 17],
    ["6m0s", 360_000],
    ["1h2m3.5s", 3_723_500],
    ["34.4s", 34_400],
    ["86400", 86_400_000],
  ])("%s", (text, waitMs) => {
    expect(parseWait(text, nowMs)).toBe(waitMs);
  });

  test.each([
    "",
    "soon",
    "-1",
    "86401",
    "90000s",
    "Thu, 30 Jul 2026 12:00:00 GMT",
    "2026-09-01T00:00:00Z",
    "1x",
    "NaN",
  ])("%s is none", (text) => {
    expect(parseWait(text, nowMs)).toBeUndefined();
  });
});

describe("retry-after headers", () => {
  test("milliseconds win over seconds", () => {
    expect(readRetryAfter({ "retry-after-ms": "250", "retry-after": "9" }, nowMs)).toBe(250);
    expect(readRetryAfter({ "x-ms-retry-after-ms": "300", "retry-after": "9" }, nowMs)).toBe(300);
    expect(readRetryAfter({ "retry-after-ms": "junk", "retry-after": ["9", "10"] }, nowMs)).toBe(9_000);
    expect(readRetryAfter({}, nowMs)).toBeUndefined();
  });
});

describe("rate-limit resets", () => {
  test("the limit that is used up counts", () => {
    const headers = {
      "x-ratelimit-remaining-requests": "12",
      "x-ratelimit-reset-requests": "2h0m0s",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "7.66s",
    };
    expect(readRateLimitReset(headers, nowMs)).toBe(7_660);
  });

  test("the longest counts when none is known to be used up", () => {
    expect(readRateLimitReset({ "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "3s" }, nowMs)).toBe(
      3_000,
    );
  });

  test("Anthropic's are times, bare numbers may be epochs", () => {
    expect(readRateLimitReset({ "anthropic-ratelimit-requests-reset": "2026-07-31T12:00:05Z" }, nowMs)).toBe(5_000);
    expect(readRateLimitReset({ "anthropic-ratelimit-unified-reset": String(nowMs / 1_000 + 4) }, nowMs)).toBe(4_000);
    expect(readRateLimitReset({ "x-ratelimit-reset": String(nowMs + 1_500) }, nowMs)).toBe(1_500);
    expect(readRateLimitReset({ "x-ratelimit-reset-tokens-minute": "12.5" }, nowMs)).toBe(12_500);
  });

  test("what is past or far away is none", () => {
    expect(readRateLimitReset({ "x-ratelimit-reset": String(nowMs / 1_000 - 4) }, nowMs)).toBeUndefined();
    expect(readRateLimitReset({ "x-ratelimit-reset-requests": "48h" }, nowMs)).toBeUndefined();
  });
});

describe("waits in words", () => {
  test.each([
    ["Please try again in 1m2.5s. Need more tokens?", 62_500],
    ["Please retry after 22 seconds.", 22_000],
    ["Please retry in 36.4s", 36_400],
    ["try again in 250ms.", 250],
    ["please try again after 1 seconds", 1_000],
    ["retry after 2 minutes", 120_000],
    ["Please try again later", undefined],
    ["You will regain access on 2026-07-31 at 18:00 UTC.", 21_600_000],
    ["You will regain access on 2026-09-01 at 00:00 UTC.", 86_400_000],
    ["You will regain access on 2026-07-30 at 00:00 UTC.", undefined],
    ["You will regain access on 2026-99-99 at 00:00 UTC.", undefined],
  ])("%s", (message, waitMs) => {
    expect(readWaitText(message, nowMs)).toBe(waitMs);
  });
});
