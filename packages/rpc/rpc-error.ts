import { googleRpc } from "#contracts";

/** A canonical status code, as gRPC numbers them; `OK` is never the code of an error. */
export type RpcCode = Exclude<keyof typeof googleRpc.Code, "OK" | "UNRECOGNIZED">;

/** A message that goes with an error, e.g. `google.rpc.BadRequest`, by its full name and in its encoded form. */
export interface ErrorDetail {
  /** Full name of the message, e.g. `google.rpc.BadRequest`. */
  readonly type: string;
  readonly value: Uint8Array;
}

/** What an `RpcError` is made from. */
export interface RpcErrorInit {
  readonly code: RpcCode;
  /** Name of an `ErrorReason` without its prefix. */
  readonly reason: string;
  /** For the caller's eyes: no secret, no SQL, no stack. */
  readonly message: string;
  /** Whatever is dynamic in the message, so that nobody needs to parse it. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly details?: readonly ErrorDetail[];
  /** What led to it. Stays in this process. */
  readonly cause?: unknown;
}

/** The one error that crosses between services. Implementations throw it and clients catch it, over any transport. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: RpcCode;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly details: readonly ErrorDetail[];

  constructor(init: RpcErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason;
    this.metadata = init.metadata ?? {};
    this.details = init.details ?? [];
  }

  /** The first detail of this type, decoded; undefined when there is none. */
  detail<Message>(type: string, codec: { decode(input: Uint8Array): Message }): Message | undefined {
    const found = this.details.find((detail) => detail.type === type);
    return found === undefined ? undefined : codec.decode(found.value);
  }
}

/** The domain of every `google.rpc.ErrorInfo` of these services. */
export const errorDomain = "spillway";

/** An INVALID_ARGUMENT that names the offending fields, with `google.rpc.BadRequest` among its details. */
export function invalidFields(
  violations: readonly { readonly field: string; readonly description: string }[],
): RpcError {
  const first = violations[0] ?? { field: "", description: "is invalid" };
  return new RpcError({
    code: "INVALID_ARGUMENT",
    reason: "INVALID_FIELD",
    message: violations.map(({ field, description }) => `${field}: ${description}`).join("; "),
    metadata: { field: first.field },
    details: [
      {
        type: "google.rpc.BadRequest",
        value: googleRpc.BadRequest.encode(
          googleRpc.BadRequest.fromPartial({ fieldViolations: [...violations] }),
        ).finish(),
      },
    ],
  });
}
