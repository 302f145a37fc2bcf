import { EventSplitter } from "../event-stream/event-splitter.ts";
import type { EventSink, RawEvent } from "../event-stream/raw-event.ts";
import { badResponse } from "../failures/failure-class.ts";
import { type Json, parseJson as parse, toJson } from "../failures/json-value.ts";
import type { CanonicalEvent, ProviderFailure, StreamDecoder } from "../provider.ts";
import { WholeBody } from "../whole-body.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { toStreamChunks } from "./completion-to-chunks.ts";
import type { OpenAiWireQuirks } from "./openai-wire-row.ts";
import { readChatCompletion } from "./read-chat-completion.ts";
import { TextDeltaTemplate } from "./text-delta-template.ts";

/** What a stream is read by. */
export interface ChatStreamOptions {
  readonly quirks?: OpenAiWireQuirks;
  /** How many choices the answer must have; 1 when left out. */
  readonly choiceCount?: number;
  /** Bytes of one event, or of a body that is no stream; a longer one is a PROVIDER_BAD_RESPONSE. 64 MiB when left out. */
  readonly maxEventBytes?: number;
}

// As much as an answer in one piece may have: an image comes in one event.
const defaultMaxEventBytes = 64 * 1024 * 1024;
const noEvents: readonly CanonicalEvent[] = [];
const noBytes = Buffer.alloc(0);
const noReasons: readonly string[] = [];
const done = "[DONE]";

/**
 * Decodes a stream of OpenAI chat chunks. A body that turns out to be JSON or a page instead of a stream is read as what it is.
 * After a failure nothing more is given.
 */
export class ChatStreamDecoder implements StreamDecoder, EventSink {
  readonly #quirks: OpenAiWireQuirks;
  readonly #maxEventBytes: number;
  readonly #splitter: EventSplitter;
  readonly #reader: ChunkReader;
  readonly #template = new TextDeltaTemplate();
  /** What the first byte that is not blank told about the body. */
  #kind: "unknown" | "events" | "document" = "unknown";
  #document: WholeBody | undefined;
  #events: CanonicalEvent[] = [];
  #isBroken = false;

  constructor({ quirks = {}, choiceCount = 1, maxEventBytes = defaultMaxEventBytes }: ChatStreamOptions) {
    this.#quirks = quirks;
    this.#maxEventBytes = maxEventBytes;
    this.#reader = new ChunkReader({ addsReasoning: quirks.addsReasoningTokens === true, choiceCount });
    this.#splitter = new EventSplitter(this, maxEventBytes);
  }

  get hasWholeChoices(): boolean {
    return this.#reader.hasWholeChoices;
  }

  push(chunk: Buffer): readonly CanonicalEvent[] {
    if (this.#isBroken) {
      return noEvents;
    }
    if (this.#kind === "unknown") {
      this.#kind = toBodyKind(chunk);
    }
    if (this.#kind === "document") {
      this.#keepDocument(chunk);
    } else {
      this.#splitter.push(chunk);
    }
    return this.#takeEvents();
  }

  end(): readonly CanonicalEvent[] {
    if (this.#isBroken) {
      return noEvents;
    }
    if (this.#kind === "document") {
      this.#readDocument();
    } else {
      this.#splitter.end();
    }
    return this.#takeEvents();
  }

  onEvent(raw: RawEvent): void {
    if (!this.#isBroken) {
      this.#events.push(this.#read(raw));
    }
  }

  onTail(raw: RawEvent): void {
    const data = raw.toData().trim();
    if (data !== done && parse(data) === undefined) {
      return;
    }
    const event = this.#read(raw);
    if (event.failure !== undefined || event.isDone || event.isFinished) {
      this.#events.push(event);
    }
  }

  onOversized(): void {
    this.#fail(badResponse(200));
  }

  #read(raw: RawEvent): CanonicalEvent {
    if (raw.dataLineCount === 0) {
      return this.#toEvent(raw.toBytes(), { isKeepAlive: true });
    }
    if (raw.dataLineCount === 1 && this.#template.matches(raw.buffer, raw.dataStart, raw.dataEnd)) {
      return this.#reader.repeatText(raw.toBytes());
    }
    const data = raw.toData().trim();
    if (data === done || data === "") {
      return this.#toEvent(noBytes, data === "" ? { isKeepAlive: true } : { isDone: true });
    }
    const parsed = parse(data);
    if (parsed === undefined) {
      return this.#toBroken(badResponse(200));
    }
    const chunk = toJson(parsed);
    if (chunk === undefined) {
      // JSON of a kind that is not known.
      return raw.eventName === "error" ? this.#toBroken(badResponse(200)) : this.#toEvent(raw.toBytes(), {});
    }
    if (chunk.choices === undefined && (chunk.type === "ping" || raw.eventName === "ping")) {
      return this.#toEvent(noBytes, { isKeepAlive: true });
    }
    return this.#readChunk(chunk, raw);
  }

  #readChunk(chunk: Json, raw: RawEvent): CanonicalEvent {
    const event = this.#reader.read(chunk, raw.toBytes(), raw.eventName === "error");
    if (this.#reader.hasTooManyChoices) {
      return this.#toBroken(badResponse(200));
    }
    if (event.failure !== undefined) {
      this.#isBroken = true;
    } else if (this.#reader.plainText !== undefined && raw.dataLineCount === 1) {
      this.#template.learn(raw.buffer.subarray(raw.dataStart, raw.dataEnd), this.#reader.plainText);
    }
    return event;
  }

  #toEvent(bytes: Buffer, marks: { readonly isKeepAlive?: boolean; readonly isDone?: boolean }): CanonicalEvent {
    return {
      bytes,
      isOutput: false,
      isFinished: this.#reader.isFinished,
      isDone: marks.isDone === true,
      isUsageOnly: false,
      isKeepAlive: marks.isKeepAlive === true,
      usage: undefined,
      model: undefined,
      finishReasons: noReasons,
      failure: undefined,
    };
  }

  #toBroken(failure: ProviderFailure): CanonicalEvent {
    this.#isBroken = true;
    return { ...this.#toEvent(noBytes, {}), failure };
  }

  #fail(failure: ProviderFailure): void {
    this.#events.push(this.#toBroken(failure));
  }

  #keepDocument(chunk: Buffer): void {
    this.#document ??= new WholeBody();
    this.#document.push(chunk);
    if (this.#document.length > this.#maxEventBytes) {
      this.#document = undefined;
      this.#fail(badResponse(200));
    }
  }

  #readDocument(): void {
    const response = readChatCompletion(this.#document?.take() ?? noBytes, this.#quirks);
    if (response.kind === "failure") {
      this.#fail(response.failure);
      return;
    }
    const completion = toJson(parse(response.body.toString("utf8")));
    if (completion === undefined) {
      this.#fail(badResponse(200));
      return;
    }
    for (const chunk of toStreamChunks(completion)) {
      this.#splitter.push(chunk);
    }
  }

  #takeEvents(): readonly CanonicalEvent[] {
    if (this.#events.length === 0) {
      return noEvents;
    }
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

/** A stream begins with a field's name or a colon; JSON and pages begin otherwise. */
function toBodyKind(chunk: Buffer): "unknown" | "events" | "document" {
  for (const byte of chunk) {
    const isMark = byte === 0xef || byte === 0xbb || byte === 0xbf;
    if (byte === 0x7b || byte === 0x5b || byte === 0x3c) {
      return "document";
    }
    if (byte > 0x20 && !isMark) {
      return "events";
    }
  }
  return "unknown";
}
