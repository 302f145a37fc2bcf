import { trace } from "@opentelemetry/api";
import { errorsV1 } from "#contracts";
import type { ProviderCall, ProviderFailure } from "#providers";
import { toTraceHeaders } from "../telemetry/trace-headers.ts";
import type { Attempt } from "./attempt.ts";
import { toFailure } from "./attempt-record.ts";
import type { ChainRequest, Engine } from "./chain-request.ts";

const nothing: Readonly<Record<string, string>> = Object.freeze({});

/** The call of one attempt, built from the caller's original. A failure when the target's secret cannot be opened. */
export function openCall(engine: Engine, request: ChainRequest, attempt: Attempt): ProviderCall | ProviderFailure {
  const { target } = attempt.link;
  let secret = nothing;
  let authConfig = nothing;
  if (target.secretId !== undefined) {
    const sealed = request.snapshot.secrets.get(target.secretId);
    if (sealed === undefined) {
      engine.logger.error({ target: target.label, secretId: target.secretId }, "the secret of a target is missing");
      return toFailure(errorsV1.FailureClass.PROVIDER_CREDENTIALS_REJECTED);
    }
    authConfig = sealed.authConfig;
    try {
      secret = engine.secrets.open(sealed).reveal();
    } catch (thrown) {
      engine.logger.error({ error: thrown, target: target.label }, "the secret of a target cannot be opened");
      return toFailure(errorsV1.FailureClass.PROVIDER_CREDENTIALS_REJECTED);
    }
  }
  return {
    body: request.body,
    model: target.model,
    baseUrl: target.baseUrl ?? authConfig.api_base,
    secret,
    authConfig,
    stream: request.stream,
    headers: target.propagatesTraceContext ? withTraceContext(request, attempt) : request.headers,
  };
}

function withTraceContext(request: ChainRequest, attempt: Attempt): Readonly<Record<string, string>> {
  const spanContext =
    attempt.span?.spanContext ??
    (request.traceContext === undefined ? undefined : trace.getSpanContext(request.traceContext));
  return { ...request.headers, ...toTraceHeaders(spanContext) };
}
