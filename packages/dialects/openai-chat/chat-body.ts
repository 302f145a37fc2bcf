/** Byte offsets of a value, its quotes or brackets included; `end` is the offset just after it. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * An OpenAI chat body and what its top level says, found in one pass over the bytes without building a tree. The last few
 * bodies are remembered, so that edge and routing in one process scan each body once.
 */
export interface ChatBody {
  readonly bytes: Buffer;
  /** Value of the top-level `model`. */
  readonly model: string;
  /** Byte offsets of every top-level `model` value, quotes included; usually one. */
  readonly modelSpans: readonly ByteSpan[];
  readonly stream: boolean;
  /** Value of the top-level `n`: how many choices are asked for. 1 where it is not there or no such number. */
  readonly choiceCount: number;
  /** Whether `stream_options.include_usage` is true. */
  readonly includesUsage: boolean;
  /** Byte offsets of the top-level `stream_options` value; undefined when there is none. */
  readonly streamOptionsSpan: ByteSpan | undefined;
  /** Offset just after the opening brace, where a member can be inserted. */
  readonly firstMemberOffset: number;
}

/** What is wrong with a body, for an OpenAI error with status 400. */
export interface BodyFault {
  /** Name of the field, or undefined when it is the body as a whole. */
  readonly param: string | undefined;
  readonly message: string;
  /** Value of the top-level `model`, where it could be read and something else is wrong. */
  readonly model?: string;
}

/** Tells a fault from a body, as `scanChatBody` gives either. */
export function isBodyFault(scanned: ChatBody | BodyFault): scanned is BodyFault {
  return "message" in scanned;
}
