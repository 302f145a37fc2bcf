import { googleRpc } from "#contracts";
import { type ErrorDetail, errorDomain, type RpcCode, RpcError } from "./rpc-error.ts";
import { shortenDetail } from "./shorten-detail.ts";

/** Metadata key of the encoded `google.rpc.Status`. */
export const statusDetailsKey = "grpc-status-details-bin";

// Other stacks refuse trailers of 8 KB: the status stays below 6 KB as base64, and the text beside it below one.
const maxStatusBytes = 4500;
const maxMessageBytes = 1024;
const maxTrailerTextLength = 1024;
const maxMetadataValueBytes = 512;
const maxMetadataBytes = 2048;
// What the encoding of an entry needs besides key and value.
const entryBytes = 8;

const typePrefix = "type.googleapis.com/";
const errorInfoType = "google.rpc.ErrorInfo";
const codeNames = new Map(Object.entries(googleRpc.Code).map(([name, number]) => [number as number, name]));

/** The number that gRPC sends for a code. */
export function toStatusNumber(code: RpcCode): number {
  return googleRpc.Code[code];
}

/** The code behind a number; `UNKNOWN` where none is. 0 is `OK` and never asked for. */
export function fromStatusNumber(number: number): RpcCode {
  const name = codeNames.get(number);
  return name === undefined || name === "OK" || name === "UNRECOGNIZED" ? "UNKNOWN" : (name as RpcCode);
}

/** The text of an error for `grpc-message`, which is sent percent-encoded: as much as fits. The status has more of it. */
export function toTrailerText(message: string): string {
  const text = toProperText(message, maxTrailerTextLength);
  if (encodeURI(text).length <= maxTrailerTextLength) {
    return text;
  }
  let length = 0;
  let end = 0;
  for (const character of text) {
    length += encodeURI(character).length;
    if (length > maxTrailerTextLength) {
      break;
    }
    end += character.length;
  }
  return text.slice(0, end);
}

/**
 * Encodes an error as `google.rpc.Status`, `ErrorInfo` first. Where the whole is too long for a trailer, long metadata is
 * cut, and of the biggest detail as many first violations are kept as fit, or it is left out; `ErrorInfo` always stays.
 */
export function encodeStatus(error: RpcError): Buffer {
  const info = { typeUrl: typePrefix + errorInfoType, value: encodeErrorInfo(error) };
  const details = error.details.map(({ type, value }) => ({ typeUrl: typePrefix + type, value: Buffer.from(value) }));
  for (;;) {
    const encoded = googleRpc.Status.encode({
      code: toStatusNumber(error.code),
      message: toProperText(error.message, maxMessageBytes),
      details: [info, ...details],
    }).finish();
    if (encoded.length <= maxStatusBytes || details.length === 0) {
      return toBuffer(encoded);
    }
    const biggest = details.reduce(
      (most, { value }, index) => (value.length > sizeAt(details, most) ? index : most),
      0,
    );
    const { typeUrl, value } = details[biggest] as (typeof details)[number];
    const room = value.length - (encoded.length - maxStatusBytes);
    const shortened = shortenDetail(typeUrl.slice(typePrefix.length), value, room);
    details.splice(biggest, 1, ...(shortened === undefined ? [] : [{ typeUrl, value: Buffer.from(shortened) }]));
  }
}

/**
 * Reads an error back. Without details, or with ones that cannot be read, `reason` is the code's own name or INTERNAL. Of a
 * stream whose wire status was OK the code is that of the details.
 */
export function decodeStatus(number: number, message: string, encoded: Uint8Array | undefined): RpcError {
  const status = encoded === undefined ? undefined : tryDecode(googleRpc.Status, encoded);
  const code = fromStatusNumber(number === googleRpc.Code.OK ? (status?.code ?? number) : number);
  if (status === undefined) {
    return new RpcError({ code, reason: reasonOf(code), message });
  }
  const details: ErrorDetail[] = [];
  let info: googleRpc.ErrorInfo | undefined;
  for (const { typeUrl, value } of status.details) {
    const type = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
    if (type === errorInfoType && info === undefined) {
      info = tryDecode(googleRpc.ErrorInfo, value);
    } else {
      details.push({ type, value });
    }
  }
  return new RpcError({
    code,
    reason: info?.reason ?? reasonOf(code),
    message: status.message || message,
    metadata: info?.metadata ?? {},
    details,
  });
}

/** A view of bytes as a `Buffer`, without a copy. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sizeAt(details: readonly { readonly value: Uint8Array }[], index: number): number {
  return details[index]?.value.length ?? 0;
}

function encodeErrorInfo(error: RpcError): Buffer {
  const metadata: Record<string, string> = {};
  let length = 0;
  for (const [key, value] of Object.entries(error.metadata)) {
    const cut = toProperText(value, maxMetadataValueBytes);
    length += Buffer.byteLength(key) + Buffer.byteLength(cut) + entryBytes;
    if (length > maxMetadataBytes) {
      break;
    }
    metadata[key] = cut;
  }
  return toBuffer(googleRpc.ErrorInfo.encode({ reason: error.reason, domain: errorDomain, metadata }).finish());
}

/** As many whole characters as fit into so many bytes. A lone surrogate, on which grpc-js would throw, is replaced. */
function toProperText(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read).toWellFormed();
}

function tryDecode<Message>(codec: { decode(input: Uint8Array): Message }, encoded: Uint8Array): Message | undefined {
  try {
    return codec.decode(encoded);
  } catch {
    return undefined;
  }
}

/** The reason of an error that came without one: of another server, or of the transport itself. */
function reasonOf(code: RpcCode): string {
  return code === "CANCELLED" || code === "DEADLINE_EXCEEDED" || code === "UNAVAILABLE" ? code : "INTERNAL";
}
