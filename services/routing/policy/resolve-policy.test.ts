import { describe, expect, it } from "vitest";
import { configV1 } from "#contracts";
import { resolveEndpointPolicy, resolveTargetPolicy } from "./resolve-policy.ts";

const policy = (fields: Partial<configV1.Policy>): configV1.Policy => ({
  ...configV1.Policy.fromPartial({}),
  ...fields,
});

describe("the policy of a target", () => {
  it("is the documented default where nobody says otherwise", () => {
    expect(resolveTargetPolicy([undefined, undefined, undefined])).toEqual({
      connectMs: 3_000,
      firstTokenMs: 30_000,
      firstByteMs: undefined,
      idleMs: 60_000,
      attemptMs: 300_000,
      maxRetries: 1,
      initialBackoffMs: 250,
      maxBackoffMs: 8_000,
      breaker: { failureRatio: 0.5, minRequests: 10, windowMs: 30_000, openForMs: 15_000, halfOpenProbes: 3 },
    });
    expect(resolveEndpointPolicy(undefined)).toMatchObject({
      deadlineMs: 600_000,
      maxTotalAttempts: 6,
      streamMode: configV1.StreamMode.INTERACTIVE,
      redraw: false,
    });
  });

  it("takes each field from the nearest level that sets it, 0 included", () => {
    const mapping = policy({ retries: { max: 0 } });
    const model = policy({ timeouts: { idleMs: 2, attemptMs: 20 }, retries: { max: 5, maxBackoffMs: 7 } });
    const endpoint = policy({
      timeouts: { connectMs: 1, idleMs: 3, firstByteMs: 9 },
      retries: { initialBackoffMs: 4 },
    });
    expect(resolveTargetPolicy([mapping, model, endpoint])).toMatchObject({
      connectMs: 1,
      firstByteMs: 9,
      idleMs: 2,
      attemptMs: 20,
      maxRetries: 0,
      initialBackoffMs: 4,
      maxBackoffMs: 7,
      firstTokenMs: 30_000,
    });
  });
});
