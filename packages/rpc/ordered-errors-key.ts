/**
 * Metadata key by which our clients ask that a stream which fails after its first message ends with the status OK and the
 * real status in `grpc-status-details-bin`. The gRPC client for Node throws away messages that it has received but not yet
 * passed on when a stream ends with any other status, so that the last words before a failure would be lost. Other clients
 * do not send the key and get the status as gRPC has it.
 */
export const orderedErrorsKey = "x-spillway-ordered-errors";
