import type { errorsV1 } from "#contracts";
import type { ChatBody } from "#dialects";
import type { AnswerHeaders } from "./answer-headers.ts";

/** Which secret and config fields one way of authenticating needs. */
export interface AuthMode {
  readonly mode: string;
  /** Keys of the secret's value that must be there, e.g. `api_key`. */
  readonly secretFields: readonly string[];
  /** Keys of `auth_config` that may be there, e.g. `api_base`. */
  readonly configFields: readonly string[];
  /** Keys of either whose values travel in HTTP headers, so that they must be printable ASCII. */
  readonly headerFields: readonly string[];
}

/** One call to one model, built from the caller's original request. Nothing of an earlier attempt is in it. */
export interface ProviderCall {
  /** The canonical request: the OpenAI chat body as it arrived, with its scan. */
  readonly body: ChatBody;
  /** The model's name at the provider. */
  readonly model: string;
  /** Base URL of the model definition or of the secret; undefined: the provider's own. */
  readonly baseUrl: string | undefined;
  /** The opened value of the secret; empty where none is needed. It must not outlive the attempt. */
  readonly secret: Readonly<Record<string, string>>;
  readonly authConfig: Readonly<Record<string, string>>;
  readonly stream: boolean;
  /** The dialect's own headers that may be passed on, e.g. `openai-beta`, and `traceparent` where allowed. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A request as it goes on the wire. `toString` and `inspect` of it never show the headers' values. */
export interface ProviderRequest {
  readonly method: "POST" | "GET";
  /** Scheme, host and port: the key of the connection pool. */
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Tokens that a provider counted. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What went wrong with one attempt, as far as the provider's answer tells. */
export interface ProviderFailure {
  readonly failureClass: errorsV1.FailureClass;
  /** HTTP status of the answer; 0 when none came. */
  readonly status: number;
  /** Milliseconds that the provider asks to wait; undefined when it does not say. */
  readonly retryAfterMs?: number;
  /** What the provider says of a caller's own fault. It may be told only when `hideSecret` has gone over it. */
  readonly callerError?: {
    readonly message: string;
    readonly type: string;
    readonly code: string | undefined;
    readonly param: string | undefined;
  };
}

/** A whole answer in the canonical form, or the failure that a successful status hid. */
export type CanonicalResponse =
  | {
      readonly kind: "answer";
      /** OpenAI chat completion JSON; the provider's own bytes where its wire is OpenAI's. */
      readonly body: Buffer;
      readonly usage: TokenUsage | undefined;
      readonly model: string | undefined;
      readonly finishReasons: readonly string[];
    }
  | { readonly kind: "failure"; readonly failure: ProviderFailure };

/** One event of a stream in the canonical form. */
export interface CanonicalEvent {
  /** Bytes to pass on: one whole SSE event of the OpenAI chat stream, its blank line included. Empty: nothing to pass on. */
  readonly bytes: Buffer;
  /** Whether it carries output: text, a tool call, reasoning, a refusal, audio. A role alone, an empty delta, a ping are none. */
  readonly isOutput: boolean;
  /** Whether every choice has its finish reason now: the answer is whole. */
  readonly isFinished: boolean;
  /** Whether this was the `[DONE]` marker; its bytes are empty, since whoever writes the stream ends it. */
  readonly isDone: boolean;
  /** Whether this is a usage chunk without choices, which only a caller who asked for usage gets. */
  readonly isUsageOnly: boolean;
  /** Whether it is only a comment or ping: the line is alive, the model said nothing. */
  readonly isKeepAlive: boolean;
  readonly usage: TokenUsage | undefined;
  readonly model: string | undefined;
  readonly finishReasons: readonly string[];
  /** The failure that the event carries: an error inside the stream, or data that is not valid. */
  readonly failure: ProviderFailure | undefined;
}

/**
 * Decodes one stream, or the one document that some providers send where a stream was asked for: a whole answer or an error.
 * Its bytes tell which, not its content type. It keeps state and is used for one attempt only.
 */
export interface StreamDecoder {
  /** Takes bytes as they come, split anywhere, and returns the events that are complete now. Never throws. */
  push(chunk: Buffer): readonly CanonicalEvent[];
  /** Takes the end of the body. An event without its blank line counts only if it completes the answer. */
  end(): readonly CanonicalEvent[];
  /** Whether at least one choice is finished, and each that began; there may be fewer than were asked for. */
  readonly hasWholeChoices: boolean;
}

/** What came with an answer that is not a success. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

/**
 * Speaks one provider's wire format. A provider is a value in a list; it translates and classifies, and does no I/O, no
 * logging and no retry. Every function is pure, but for the state that a stream decoder keeps.
 */
export interface Provider {
  /** Value of `GatewayModelDefinition.provider`. */
  readonly id: string;
  readonly authModes: readonly AuthMode[];
  /** Whether a model definition must bring a base URL, because the provider has none of its own. */
  readonly needsBaseUrl: boolean;
  /** Carries requests of this provider: HTTP for all that are elsewhere, a local one for `echo` and `fault`. */
  readonly transport: "http" | "local";
  /** What is wrong with a model's name, in words for whoever configures it; undefined when it may be used. */
  validateModel?(model: string): string | undefined;
  buildRequest(call: ProviderCall): ProviderRequest;
  /**
   * Reads a successful unary answer, whatever its content type says of it. Must not throw: what cannot be read is a
   * PROVIDER_BAD_RESPONSE.
   */
  readResponse(body: Buffer): CanonicalResponse;
  /** `choiceCount`: how many choices the request asked for. The answer is whole when as many have their finish reason. */
  createStreamDecoder(choiceCount: number): StreamDecoder;
  /** Tells what an unsuccessful answer means: reads status, then code and type, then the message. Must not throw. */
  classify(answer: ErrorAnswer): ProviderFailure;
}
