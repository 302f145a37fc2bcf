import { configV1 } from "#contracts";
import { RpcError, type Service } from "#rpc";

/** Name of the endpoint that the demo makes. */
export const demoEndpoint = "demo";

// A model of `fault` fails as its name says, one of `echo` says what it was told: neither needs a secret.
const demoDocument = configV1.ConfigDocument.fromPartial({
  version: 1,
  models: [
    { name: "demo-broken", provider: "fault", model: "status-503" },
    { name: "demo-echo", provider: "echo", model: "echo" },
  ],
  endpoints: [
    {
      name: demoEndpoint,
      description: "Its primary always fails, its fallback answers.",
      primary: [{ model: "demo-broken" }],
      fallback: [{ model: "demo-echo" }],
    },
  ],
});

/** Writes the demo into a database that holds no configuration at all; leaves any other as it is. */
export async function writeDemoIfEmpty(
  config: Pick<Service<configV1.ConfigServiceDefinition>, "applyConfig">,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const request = configV1.ApplyConfigRequest.fromPartial({ document: demoDocument, source: "api", onlyIfEmpty: true });
  try {
    await config.applyConfig(request, { metadata });
  } catch (error) {
    const isNotEmpty = error instanceof RpcError && error.reason === "RESOURCE_ALREADY_EXISTS";
    if (!isNotEmpty) throw error;
  }
}
