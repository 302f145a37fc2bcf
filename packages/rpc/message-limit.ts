const mebibyte = 1024 * 1024;

/** What a message may be longer than its payload: the fields beside a body. */
const envelopeBytes = mebibyte;

/** What every message may have, since answers may be that long whatever requests may be. */
const leastBytes = 64 * mebibyte;

/** The limit that gRPC needs for a message whose payload has at most this many bytes; never less than 64 MiB. */
export function toGrpcMessageLimit(maxMessageBytes = leastBytes): number {
  return Math.max(maxMessageBytes, leastBytes) + envelopeBytes;
}
