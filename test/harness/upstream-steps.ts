/** How a body ends too early: by a proper HTTP end, by closing the connection, or by resetting it. */
export type CutKind = "end" | "close" | "reset";

/**
 * What the scripted upstream does with one request. Everything is optional: `{}` is an empty 200. The order in time is:
 * `headDelayMs`, `hang: "before_head"`, head, `hang: "after_head"`, the pieces of `body`, `hang: "after_body"` or
 * `repeat`, end.
 */
export interface UpstreamStep {
  /** 200 when left out. */
  readonly status?: number;
  /** Header lines; `content-length` is never added, so bodies are chunked unless it is given here. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The body in the pieces in which it is written. */
  readonly body?: readonly (string | Buffer)[];
  readonly headDelayMs?: number;
  /** Time between two pieces; without it they are written one after another in turns of the event loop. */
  readonly pieceGapMs?: number;
  /** Cuts each piece into writes of at most this many bytes, so that events are split at any byte. */
  readonly splitBytes?: number;
  /** Stops there and never goes on, until the client goes away or the upstream is closed. */
  readonly hang?: "before_head" | "after_head" | "after_body";
  /** Stops after so many bytes of the body, in the middle of a piece if need be. */
  readonly cut?: { readonly afterBytes: number; readonly by: CutKind };
  /** Writes this for ever after the body, until the client goes away; as fast as the client reads when `everyMs` is 0. */
  readonly repeat?: { readonly piece: string | Buffer; readonly everyMs: number };
  /** Drops the connection before any byte of an answer. */
  readonly drop?: "close" | "reset";
  /** Bytes written to the socket as they are, instead of an HTTP answer; the connection is closed after them. */
  readonly raw?: string | Buffer;
  /** Answers with `connection: close` and closes. */
  readonly closeConnection?: boolean;
}

/** Token counts of an answer, in OpenAI's words. */
export interface ScriptedUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

/** Usage that answers have when a test asks for none in particular. */
export const scriptedUsage: ScriptedUsage = { prompt_tokens: 9, completion_tokens: 3 };

/** A unary OpenAI answer with these members; `body` is one piece with its `content-length`. */
export function chatCompletion(
  options: {
    readonly content?: string;
    readonly model?: string;
    readonly finishReason?: string;
    readonly usage?: ScriptedUsage | null;
    /** More top-level members, or others instead of the usual ones. */
    readonly members?: Readonly<Record<string, unknown>>;
  } = {},
): UpstreamStep {
  const usage = options.usage === undefined ? scriptedUsage : options.usage;
  return jsonStep(200, {
    id: "chatcmpl-scripted",
    object: "chat.completion",
    created: 1_700_000_000,
    model: options.model ?? "scripted-model",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: options.content ?? "Hello from upstream" },
        finish_reason: options.finishReason ?? "stop",
      },
    ],
    ...(usage === null ? {} : { usage: withTotal(usage) }),
    ...options.members,
  });
}

/** What a scripted stream of chat chunks is made of. */
export interface ChatStreamOptions {
  readonly model?: string;
  /** Text deltas, one chunk each. */
  readonly words?: readonly string[];
  /** A first chunk with only a role. True when left out. */
  readonly role?: boolean;
  /** Null leaves the finish chunk out. */
  readonly finishReason?: string | null;
  /** A chunk with `choices: []` and usage; null, or left out, for none. */
  readonly usage?: ScriptedUsage | null;
  /** True when left out. */
  readonly done?: boolean;
  /** Raw pieces put in before the chunk of that position, e.g. `{ 2: sseEvent({ error }) }`. */
  readonly insert?: Readonly<Record<number, string>>;
  /** What each event ends with: two line feeds when left out. */
  readonly lineEnd?: "\n" | "\r\n" | "\r";
}

/** A streamed OpenAI answer: one piece per event. Faults are added by spreading: `{ ...chatStream(), cut: … }`. */
export function chatStream(options: ChatStreamOptions = {}): UpstreamStep {
  return { status: 200, headers: { "content-type": "text/event-stream; charset=utf-8" }, body: streamPieces(options) };
}

function streamPieces(options: ChatStreamOptions): string[] {
  const end = options.lineEnd ?? "\n";
  const model = options.model ?? "scripted-model";
  const finishReason = options.finishReason === undefined ? "stop" : options.finishReason;
  const words = options.words ?? ["Hello", " from", " upstream"];
  const pieces = words.map((content) => sseEvent(chatChunk(model, { content }, null), end));
  if (options.role !== false) {
    pieces.unshift(sseEvent(chatChunk(model, { role: "assistant", content: "" }, null), end));
  }
  if (finishReason !== null) {
    pieces.push(sseEvent(chatChunk(model, {}, finishReason), end));
  }
  if (options.usage !== undefined && options.usage !== null) {
    pieces.push(sseEvent({ ...chatChunk(model, {}, null), choices: [], usage: withTotal(options.usage) }, end));
  }
  if (options.done !== false) {
    pieces.push(sseEvent("[DONE]", end));
  }
  const inserted = Object.entries(options.insert ?? {}).sort(([left], [right]) => Number(right) - Number(left));
  for (const [position, piece] of inserted) {
    pieces.splice(Number(position), 0, piece);
  }
  return pieces;
}

/** One chunk object of a chat stream with a single choice. */
export function chatChunk(model: string, delta: unknown, finishReason: string | null): Record<string, unknown> {
  return {
    id: "chatcmpl-scripted",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model,
    choices: [{ index: 0, delta, finish_reason: finishReason }],
  };
}

/** One SSE event with this data; a string is taken as it is. */
export function sseEvent(data: unknown, lineEnd = "\n"): string {
  return `data: ${typeof data === "string" ? data : JSON.stringify(data)}${lineEnd}${lineEnd}`;
}

/** Any JSON answer, with its `content-length`. */
function jsonStep(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): UpstreamStep {
  const bytes = Buffer.from(JSON.stringify(body));
  return {
    status,
    headers: { "content-type": "application/json", "content-length": String(bytes.length), ...headers },
    body: [bytes],
  };
}

/** An OpenAI error answer; `headers` for `retry-after` and the like. */
export function errorStep(
  status: number,
  error: { readonly message?: string; readonly type?: string; readonly code?: string | number | null } = {},
  headers: Readonly<Record<string, string>> = {},
): UpstreamStep {
  const { message = `scripted ${status}`, type = "scripted_error", code = null } = error;
  return jsonStep(status, { error: { message, type, param: null, code } }, headers);
}

/** An answer that is a web page, as proxies give it. */
export function htmlStep(status: number): UpstreamStep {
  return { status, headers: { "content-type": "text/html" }, body: ["<html><body><h1>Bad gateway</h1></body></html>"] };
}

/** A redirect, which a gateway must not follow. */
export function redirectStep(location: string, status = 302): UpstreamStep {
  return { status, headers: { location, "content-length": "0" } };
}

function withTotal(usage: ScriptedUsage): ScriptedUsage & { total_tokens: number } {
  return { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens };
}
