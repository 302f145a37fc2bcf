import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_RPC_METHOD,
  ATTR_RPC_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from "@opentelemetry/semantic-conventions";
import type { RpcCode, RpcError } from "./rpc-error.ts";

/** Where a client's calls go, as its spans name it. */
export interface PeerName {
  readonly address: string;
  readonly port: number | undefined;
}

interface CalledMethod {
  /** `package.Service/Method`. */
  readonly methodName: string;
  readonly peer: PeerName;
}

/** The span of one call over a wire, on either side of it. It must be ended. */
export class CallSpan {
  /** The context that whatever happens within the call belongs under. */
  readonly context: Context;
  readonly #span: Span;
  readonly #isFault: (code: RpcCode) => boolean;

  private constructor(span: Span, parent: Context, isFault: (code: RpcCode) => boolean) {
    this.#span = span;
    this.#isFault = isFault;
    this.context = trace.setSpan(parent, span);
  }

  /** The caller's side. To it every failure is an error. */
  static startClient(tracer: Tracer, parent: Context, { methodName, peer }: CalledMethod): CallSpan {
    const attributes = {
      ...attributesOf(methodName),
      [ATTR_SERVER_ADDRESS]: peer.address,
      ...(peer.port === undefined ? {} : { [ATTR_SERVER_PORT]: peer.port }),
    };
    return new CallSpan(
      tracer.startSpan(methodName, { kind: SpanKind.CLIENT, attributes }, parent),
      parent,
      () => true,
    );
  }

  /** The service's side. A failure that the caller caused is no error of the service. */
  static startServer(tracer: Tracer, methodName: string, parent: Context = ROOT_CONTEXT): CallSpan {
    const attributes = attributesOf(methodName);
    const span = tracer.startSpan(methodName, { kind: SpanKind.SERVER, attributes }, parent);
    return new CallSpan(span, parent, (code) => serviceFaults.has(code));
  }

  /** Ends the span: well, or with the error that ended the call. */
  end(error?: RpcError): void {
    this.#span.setAttribute(ATTR_RPC_STATUS_CODE, error?.code ?? "OK");
    if (error !== undefined && this.#isFault(error.code)) {
      this.#span.setAttribute(ATTR_ERROR_TYPE, error.code);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

const serviceFaults: ReadonlySet<RpcCode> = new Set([
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
]);

function attributesOf(methodName: string): Record<string, string> {
  return { [ATTR_RPC_SYSTEM_NAME]: "grpc", [ATTR_RPC_METHOD]: methodName };
}
