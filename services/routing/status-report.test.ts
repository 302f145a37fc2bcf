import { describe, expect, it } from "vitest";
import type { routingV1 } from "#contracts";
import { createStatusReport } from "./status-report.ts";

function reportOf(status: Partial<routingV1.GetConfigStatusResponse>) {
  return createStatusReport({
    getConfigStatus: async () => ({
      ready: true,
      notReadyReason: "",
      revision: 7n,
      stale: false,
      staleReason: "",
      ageMs: 1500n,
      file: undefined,
      ...status,
    }),
  });
}

describe("status report", () => {
  it("is ready with the revision in force and its age", async () => {
    expect(await reportOf({}).readReadiness()).toEqual({
      notReadyReason: undefined,
      report: { revision: 7, stale: false, age_ms: 1500 },
    });
  });

  it("tells why it is not ready, what is stale, and what became of the file", async () => {
    const file = { source: "file:spillway", revision: 3n, error: "endpoints[0]: wrong" };
    const status = { ready: false, notReadyReason: "why", stale: true, staleReason: "silence", file };
    expect(await reportOf(status).readReadiness()).toEqual({
      notReadyReason: "why",
      report: {
        revision: 7,
        stale: true,
        stale_reason: "silence",
        age_ms: 1500,
        file: { source: "file:spillway", revision: 3, error: "endpoints[0]: wrong" },
      },
    });
  });
});
