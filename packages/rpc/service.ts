import type { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Context } from "@opentelemetry/api";
import type { CallSignal } from "./call-signal.ts";

/** What goes with a call besides its message. Every field may be left out; both sides see the same shape. */
export interface CallContext {
  /** Metadata by lower-case ASCII key, e.g. `authorization`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Aborts when the caller no longer wants an answer. A deadline that passes aborts it too. */
  readonly signal?: CallSignal;
  /** Time at which the caller stops waiting, in milliseconds since the epoch. */
  readonly deadlineAtMs?: number;
  /** The OpenTelemetry context that spans of this call belong under. */
  readonly traceContext?: Context;
}

/** Encodes and decodes one message type. */
export interface MessageCodec<Message> {
  encode(message: Message): BinaryWriter;
  decode(input: BinaryReader | Uint8Array): Message;
}

/** One method of a service, as ts-proto describes it. */
export interface MethodDefinition {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a codec is invariant in its message, so no narrower bound admits them all.
  readonly requestType: MessageCodec<any>;
  readonly requestStream: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly responseType: MessageCodec<any>;
  readonly responseStream: boolean;
}

/** A service, as ts-proto describes it with `outputServices=generic-definitions`. */
export interface ServiceDefinition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

type MessageOf<Codec> = Codec extends { decode(...parameters: never[]): infer Message } ? Message : never;

/**
 * A method: unary returns a promise, server streaming an async iterable. Client streaming is not part of this house.
 * Both fail with `RpcError` and nothing else. A stream that is left early (`break`, `return`) is cancelled.
 */
export type Method<Definition extends MethodDefinition> = Definition extends { responseStream: true }
  ? (
      request: MessageOf<Definition["requestType"]>,
      context?: CallContext,
    ) => AsyncIterable<MessageOf<Definition["responseType"]>>
  : (
      request: MessageOf<Definition["requestType"]>,
      context?: CallContext,
    ) => Promise<MessageOf<Definition["responseType"]>>;

/**
 * One type describes a service, whoever stands behind it: the implementation, a gRPC client, or an in-process client.
 * Callers cannot tell which they hold. A message is never changed after it was handed over, on either side.
 */
export type Service<Definition extends ServiceDefinition> = {
  readonly [Name in keyof Definition["methods"]]: Method<Definition["methods"][Name]>;
};
