import { describe, expect, it } from "vitest";
import { retryWithBackoff } from "./retry-with-backoff.ts";

describe("retry with backoff", () => {
  it("goes on until the operation succeeds, with waits that double up to the longest", async () => {
    const waits: number[] = [];
    let calls = 0;
    const result = await retryWithBackoff(
      async () => {
        calls += 1;
        if (calls < 6) {
          throw new Error("not yet");
        }
        return "there";
      },
      {
        signal: new AbortController().signal,
        onFailure: (_error, waitMs) => waits.push(waitMs),
        initialWaitMs: 2,
        longestWaitMs: 10,
        random: () => 0.9999,
      },
    );
    expect(result).toBe("there");
    expect(waits).toEqual([2, 4, 8, 10, 10]);
  });

  it("waits at least half of the longest wait of its turn", async () => {
    const waits: number[] = [];
    let calls = 0;
    await retryWithBackoff(
      async () => {
        calls += 1;
        if (calls === 1) {
          throw new Error("not yet");
        }
      },
      {
        signal: new AbortController().signal,
        onFailure: (_e, waitMs) => waits.push(waitMs),
        initialWaitMs: 10,
        random: () => 0,
      },
    );
    expect(waits).toEqual([5]);
  });

  it("ends at once when its signal aborts during a wait", async () => {
    const controller = new AbortController();
    const retry = retryWithBackoff(() => Promise.reject(new Error("never")), {
      signal: controller.signal,
      onFailure: () => controller.abort(new Error("told to stop")),
      initialWaitMs: 60_000,
    });
    await expect(retry).rejects.toThrow(/stop|abort/);
  });

  it("ends with what `onFailure` throws", async () => {
    const retry = retryWithBackoff(() => Promise.reject(new Error("fatal")), {
      signal: new AbortController().signal,
      onFailure: (error) => {
        throw error;
      },
    });
    await expect(retry).rejects.toThrow("fatal");
  });
});
