import { configV1 } from "#contracts";
import { type RpcCode, RpcError, type Service } from "#rpc";
import { type Logger, retryWithBackoff } from "#runtime";

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

/**
 * Writes the demo into a database that holds no configuration at all; leaves any other as it is. A config service that is
 * away is waited for.
 */
export async function writeDemoIfEmpty(
  config: Pick<Service<configV1.ConfigServiceDefinition>, "applyConfig">,
  metadata: Readonly<Record<string, string>>,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const request = configV1.ApplyConfigRequest.fromPartial({ document: demoDocument, source: "api", onlyIfEmpty: true });
  const onFailure = (error: unknown) => {
    if (!isRpcError(error, "UNAVAILABLE")) {
      throw error;
    }
    logger.warn({ reason: error.message }, "the demo could not be written; trying again until it can");
  };
  try {
    await retryWithBackoff(() => config.applyConfig(request, { metadata }), { signal, onFailure });
  } catch (error) {
    if (!isRpcError(error, "FAILED_PRECONDITION")) {
      throw error;
    }
  }
}

function isRpcError(error: unknown, code: RpcCode): error is RpcError {
  return error instanceof RpcError && error.code === code;
}
