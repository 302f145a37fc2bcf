import type { RequestLog } from "../events.ts";
import type { ActiveCalls } from "./active-calls.ts";
import type { RequestIntake } from "./prepare-request.ts";

/** What all calls of the inference service share. */
export interface InferenceHost {
  readonly intake: RequestIntake;
  readonly activeCalls: ActiveCalls;
  readonly requestLog: RequestLog;
}
