import type { inferenceV1 } from "#contracts";
import { rewriteEventModel, toOpenAiErrorAttempts } from "#dialects";
import type { CanonicalEvent } from "#providers";
import type { StreamWriter, WrittenMessage } from "./stream-call.ts";

type Message = inferenceV1.StreamInvokeResponse;

const contentType = "text/event-stream; charset=utf-8";
const endMarker = Buffer.from("data: [DONE]\n\n");
const openBrace = 0x7b;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const mostBytesOfMessage = 1024 * 1024;

/** Writes the OpenAI chat stream: a provider's events as they are, without its end marker, and one of ours at the end. */
export class OpenAiStreamWriter implements StreamWriter<Message> {
  readonly #includesUsage: boolean;
  readonly #echoedModel: string | undefined;

  /** `includesUsage`: whether the caller asked for the usage event. `echoedModel` stands in for every event's `model`. */
  constructor(includesUsage: boolean, echoedModel: string | undefined) {
    this.#includesUsage = includesUsage;
    this.#echoedModel = echoedModel;
  }

  onCommit(trail: inferenceV1.RouteTrail): WrittenMessage<Message>[] {
    return [{ message: { event: { $case: "head", value: { contentType, trail } } }, bytes: 0 }];
  }

  onEvents(
    events: readonly CanonicalEvent[],
    isLast: boolean,
    trail: () => inferenceV1.RouteTrail,
  ): WrittenMessage<Message>[] {
    const pieces = new Pieces();
    for (const event of events) {
      if (event.isUsageOnly && !this.#includesUsage) {
        continue;
      }
      // Some providers tell the usage together with the finish reason.
      const isUsageEvent = event.isUsageOnly || (event.isFinished && event.usage !== undefined);
      const bytes = this.#toBytes(event);
      pieces.add(this.#includesUsage && isUsageEvent ? withTrail(bytes, trail()) : bytes);
    }
    if (isLast) {
      pieces.add(endMarker);
    }
    return pieces.take();
  }

  onServed(trail: inferenceV1.RouteTrail): WrittenMessage<Message>[] {
    return [{ message: { event: { $case: "finalTrail", value: trail } }, bytes: 0 }];
  }

  #toBytes({ bytes }: CanonicalEvent): Buffer {
    return this.#echoedModel === undefined ? bytes : rewriteEventModel(bytes, this.#echoedModel);
  }
}

/** Joins events to messages of about a mebibyte: few where events are small, and none longer than gRPC takes. */
class Pieces {
  readonly #written: WrittenMessage<Message>[] = [];
  #parts: Buffer[] = [];
  #bytes = 0;

  add(bytes: Buffer): void {
    if (this.#bytes + bytes.length > mostBytesOfMessage) {
      this.#flush();
    }
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  take(): WrittenMessage<Message>[] {
    this.#flush();
    return this.#written;
  }

  #flush(): void {
    if (this.#bytes > 0) {
      const value = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
      this.#written.push({ message: { event: { $case: "data", value } }, bytes: value.length });
    }
    this.#parts = [];
    this.#bytes = 0;
  }
}

/** The usage event with the trail as its first member, everything else byte for byte. */
function withTrail(bytes: Buffer, trail: inferenceV1.RouteTrail): Buffer {
  const afterBrace = bytes.indexOf(openBrace, dataStart(bytes)) + 1;
  const told = { endpoint: trail.endpoint, revision: Number(trail.revision), attempts: toOpenAiErrorAttempts(trail) };
  const member = Buffer.from(`"spillway":${JSON.stringify(told)},`);
  return Buffer.concat([bytes.subarray(0, afterBrace), member, bytes.subarray(afterBrace)]);
}

/** Where the first `data:` line begins: comments and other fields before it may hold braces too. */
function dataStart(bytes: Buffer): number {
  for (let found = bytes.indexOf("data:"); found >= 0; found = bytes.indexOf("data:", found + 1)) {
    const before = bytes[found - 1];
    if (before === undefined || before === lineFeed || before === carriageReturn) {
      return found;
    }
  }
  return 0;
}
