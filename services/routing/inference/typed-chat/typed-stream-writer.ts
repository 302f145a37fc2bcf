import type { inferenceV1 } from "#contracts";
import type { CanonicalEvent } from "#providers";
import { toWireCount } from "../../attempts/wire-count.ts";
import type { StreamWriter, WrittenMessage } from "../stream-call.ts";
import { fromOpenAiUsage } from "./from-openai-answer.ts";
import { indexOf, type OpenAiAnswer, objectOf, objectsOf, reasoningOf, saidText, textOf } from "./openai-answer.ts";

type Message = inferenceV1.StreamChatCompletionResponse;

/** Writes a stream of chat chunks as typed events. */
export class TypedStreamWriter implements StreamWriter<Message> {
  readonly #echoedModel: string | undefined;
  #usage: unknown;

  /** `echoedModel` stands in for the model that served. */
  constructor(echoedModel: string | undefined) {
    this.#echoedModel = echoedModel;
  }

  onCommit(trail: inferenceV1.RouteTrail, first: readonly CanonicalEvent[]): WrittenMessage<Message>[] {
    const chunks = first.map(readChunk);
    const value = {
      id: textOf(chunks.find(({ id }) => id)?.id),
      model: this.#echoedModel ?? textOf(chunks.find(({ model }) => model)?.model),
      created: toWireCount(chunks.find(({ created }) => created)?.created),
      trail,
    };
    return [{ message: { event: { $case: "start", value } }, bytes: 0 }];
  }

  onEvents(events: readonly CanonicalEvent[]): WrittenMessage<Message>[] {
    const written: WrittenMessage<Message>[] = [];
    for (const event of events) {
      const chunk = readChunk(event);
      this.#usage = chunk.usage ?? this.#usage;
      for (const choice of objectsOf(chunk.choices)) {
        const value = toDelta(choice);
        if (hasContent(value)) {
          written.push({ message: { event: { $case: "delta", value } }, bytes: event.bytes.length });
        }
      }
    }
    return written;
  }

  onServed(trail: inferenceV1.RouteTrail): WrittenMessage<Message>[] {
    return [{ message: { event: { $case: "end", value: { usage: fromOpenAiUsage(this.#usage), trail } } }, bytes: 0 }];
  }
}

/** The JSON of a canonical event; nothing when it carries none. */
function readChunk({ bytes, isKeepAlive }: CanonicalEvent): OpenAiAnswer {
  if (isKeepAlive || bytes.length === 0) {
    return objectOf(undefined);
  }
  const data: string[] = [];
  for (const line of bytes.toString().split(/\r\n|\n|\r/)) {
    if (line.startsWith("data:")) {
      data.push(line.slice("data:".length));
    }
  }
  return objectOf(data.length === 0 ? undefined : JSON.parse(data.join("\n").trim()));
}

function toDelta(choice: OpenAiAnswer): inferenceV1.ChatDelta {
  const said = objectOf(choice.delta);
  return {
    index: indexOf(choice.index, 0),
    text: saidText(said),
    reasoning: reasoningOf(said),
    refusal: textOf(said.refusal),
    toolCalls: objectsOf(said.tool_calls).map((call, place) => ({
      index: indexOf(call.index, place),
      id: textOf(call.id),
      name: textOf(objectOf(call.function).name),
      arguments: textOf(objectOf(call.function).arguments),
    })),
    finishReason: textOf(choice.finish_reason),
  };
}

function hasContent({ text, reasoning, refusal, toolCalls, finishReason }: inferenceV1.ChatDelta): boolean {
  return text !== "" || reasoning !== "" || refusal !== "" || finishReason !== "" || toolCalls.length > 0;
}
