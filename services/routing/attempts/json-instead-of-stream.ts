import { errorsV1 } from "#contracts";
import type { CanonicalEvent, Provider, ProviderFailure } from "#providers";
import { toFailure } from "./attempt-record.ts";
import { mostAnswerBytes } from "./unary-attempt.ts";

interface Choice {
  readonly index?: number;
  readonly message?: { readonly tool_calls?: readonly object[] };
  readonly finish_reason?: unknown;
}

interface Completion {
  readonly choices?: readonly Choice[];
  readonly usage?: unknown;
}

/** Reads the JSON body that some providers send where a stream was asked for: an error, or a whole answer. */
export class JsonInsteadOfStream {
  readonly #provider: Provider;
  readonly #contentType: string;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(provider: Provider, contentType: string) {
    this.#provider = provider;
    this.#contentType = contentType;
  }

  push(chunk: Buffer): "open" | "too long" {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return this.#length > mostAnswerBytes ? "too long" : "open";
  }

  /** The answer as the events of a stream, or the failure that the body tells of. */
  read(): readonly CanonicalEvent[] | ProviderFailure {
    const response = this.#provider.readResponse(Buffer.concat(this.#chunks), this.#contentType);
    if (response.kind === "failure") {
      return response.failure;
    }
    const { usage: whole, choices = [], ...rest } = JSON.parse(response.body.toString()) as Completion;
    if (choices.length === 0) {
      return toFailure(errorsV1.FailureClass.PROVIDER_BAD_RESPONSE, 200);
    }
    const head = { ...rest, object: "chat.completion.chunk" };
    const { usage, model, finishReasons } = response;
    const chunk = {
      ...head,
      choices: choices.map(toChunkChoice),
    };
    const said = { usage, model, finishReasons, isFinished: true, isOutput: true };
    return [
      toEvent(chunk, said),
      ...(whole === undefined ? [] : [toEvent({ ...head, choices: [], usage: whole }, { ...said, isUsageOnly: true })]),
      { ...toEvent({}, said), bytes: Buffer.alloc(0), isDone: true },
    ];
  }
}

function toChunkChoice({ index = 0, message, finish_reason = null }: Choice): object {
  const calls = message?.tool_calls?.map((call, place) => ({ index: place, ...call }));
  return { index, delta: calls === undefined ? message : { ...message, tool_calls: calls }, finish_reason };
}

function toEvent(chunk: unknown, said: Partial<CanonicalEvent>): CanonicalEvent {
  return {
    bytes: Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`),
    isOutput: false,
    isFinished: false,
    isDone: false,
    isUsageOnly: false,
    isKeepAlive: false,
    usage: undefined,
    model: undefined,
    finishReasons: [],
    failure: undefined,
    ...said,
  };
}
