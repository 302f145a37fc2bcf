const mebibyte = 1024 * 1024;

/** What a message may be longer than its payload: the fields beside a body. */
const envelopeBytes = mebibyte;

/** The limit that gRPC needs for a message whose payload has at most this many bytes. Default 64 MiB. */
export function toGrpcMessageLimit(maxMessageBytes: number = 64 * mebibyte): number {
  return maxMessageBytes + envelopeBytes;
}
