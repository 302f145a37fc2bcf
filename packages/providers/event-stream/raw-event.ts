/** The event that was just completed. It is valid only during the call that hands it on. */
export interface RawEvent {
  /** Holds the event's bytes; slices of it stay as they are. */
  readonly buffer: Buffer;
  /** How many `data:` lines there are; 0 for comments and for events of other fields only. */
  readonly dataLineCount: number;
  /** Where the value of the first `data:` line is. */
  readonly dataStart: number;
  readonly dataEnd: number;
  /** Value of the `event:` line; empty when there is none. */
  readonly eventName: string;
  /** The whole event as it came, with its blank line. */
  toBytes(): Buffer;
  /** The values of all `data:` lines, joined as the format says. */
  toData(): string;
}

/** Takes what a splitter finds. */
export interface EventSink {
  onEvent(event: RawEvent): void;
  /** The body ended within this event. */
  onTail(event: RawEvent): void;
  /** An event is longer than allowed; nothing more comes. */
  onOversized(): void;
}
