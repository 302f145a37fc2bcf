import { describe, expect, it } from "vitest";
import type { configV1 } from "#contracts";
import { RpcError } from "#rpc";
import { demoEndpoint, writeDemoIfEmpty } from "./demo.ts";

const logger = { debug() {}, info() {}, warn() {}, error() {} };

function write(answers: (RpcError | "applied")[]) {
  const requests: configV1.ApplyConfigRequest[] = [];
  const config = {
    applyConfig: async (request: configV1.ApplyConfigRequest): Promise<configV1.ApplyConfigResponse> => {
      requests.push(request);
      const answer = answers.shift();
      if (answer instanceof RpcError) {
        throw answer;
      }
      return { revision: 1n, changes: [], warnings: [] };
    },
  };
  const writing = writeDemoIfEmpty(config, {}, { logger, signal: AbortSignal.timeout(10_000) });
  return { writing, requests };
}

const error = (code: RpcError["code"], reason: string) => new RpcError({ code, reason, message: reason });

describe("demo", () => {
  it("is an endpoint whose primary fails and whose fallback answers, without any secret, for an empty database only", async () => {
    const { writing, requests } = write(["applied"]);
    await writing;
    expect(requests).toMatchObject([
      {
        source: "api",
        onlyIfEmpty: true,
        prune: false,
        document: {
          secrets: [],
          keys: [],
          models: [
            { name: "demo-broken", provider: "fault" },
            { name: "demo-echo", provider: "echo" },
          ],
          endpoints: [{ name: demoEndpoint, primary: [{ model: "demo-broken" }], fallback: [{ model: "demo-echo" }] }],
        },
      },
    ]);
  });

  it("leaves a database alone that holds something", async () => {
    const { writing, requests } = write([error("FAILED_PRECONDITION", "RESOURCE_ALREADY_EXISTS")]);
    await writing;
    expect(requests).toHaveLength(1);
  });

  it("waits for a config service that is away, and tells what else goes wrong", async () => {
    const away = write([error("UNAVAILABLE", "DATABASE_UNAVAILABLE"), "applied"]);
    await away.writing;
    expect(away.requests).toHaveLength(2);
    await expect(write([error("INVALID_ARGUMENT", "INVALID_FIELD")]).writing).rejects.toThrow("INVALID_FIELD");
  });
});
