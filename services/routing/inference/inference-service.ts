import type { inferenceV1 } from "#contracts";
import type { CallContext } from "#rpc";
import type { RequestLog } from "../events.ts";
import type { ActiveCalls } from "./active-calls.ts";
import { prepareRequest, type RequestIntake } from "./prepare-request.ts";
import { runUnary } from "./run-unary.ts";

/** What calls of the service share. */
export interface InferenceHost {
  readonly intake: RequestIntake;
  readonly activeCalls: ActiveCalls;
  readonly requestLog: RequestLog;
}

const jsonType = "application/json";

/** Answers a request of any dialect, body in, body out. */
export async function invoke(
  host: InferenceHost,
  request: inferenceV1.InvokeRequest,
  context: CallContext | undefined,
): Promise<inferenceV1.InvokeResponse> {
  host.activeCalls.admit();
  const { endpoint, dialect, body, headers } = request;
  const prepared = prepareRequest(host.intake, { endpoint, dialect, body, headers, stream: false }, context);
  const answer = await runUnary(host, prepared, context);
  return { body: answer.body, contentType: jsonType, trail: answer.trail };
}
