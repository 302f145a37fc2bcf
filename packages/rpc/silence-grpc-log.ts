import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";

/** Keeps grpc-js from writing to the terminal: what goes wrong is told in errors, which the process logs in its own form. */
export function silenceGrpcLog(): void {
  setLogVerbosity(logVerbosity.NONE);
}
