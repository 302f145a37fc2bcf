import { expect, it } from "vitest";
import { type configV1, inferenceV1 } from "#contracts";
import { RpcError } from "#rpc";
import { readOverview } from "./read-overview.ts";

const config = {
  listEndpoints: async () => ({ endpoints: [{ name: "chat" }] as configV1.GatewayEndpoint[], nextPageToken: "" }),
};

function refuse(reason: string): Promise<never> {
  return Promise.reject(new RpcError({ code: "UNAUTHENTICATED", reason, message: "m" }));
}

it.each([
  ["open", async () => inferenceV1.ListModelsResponse.fromPartial({})],
  ["by keys", () => refuse("CREDENTIAL_INVALID")],
  ["closed", () => refuse("CREDENTIAL_MISSING")],
] as const)("says that access is %s", async (access, listModels) => {
  expect(await readOverview({ listModels }, config, {})).toEqual({ endpoints: ["chat"], access });
});

it("does not take another failure for an answer", async () => {
  const listModels = () => Promise.reject(new RpcError({ code: "UNAVAILABLE", reason: "DRAINING", message: "m" }));
  await expect(readOverview({ listModels }, config, {})).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
