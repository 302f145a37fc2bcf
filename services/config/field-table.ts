import type { MessageCodec } from "#rpc";

/** A field that callers may set, by its names. */
export interface Field<Message> {
  readonly key: keyof Message & string;
  /** Name in the proto, as `update_mask` has it. */
  readonly path: string;
  /** Name in the declarative file, as `ConfigChange.fields` has it. */
  readonly fileName: string;
}

interface PartialCodec<Message> extends MessageCodec<Message> {
  fromPartial(object: object): Message;
}

/** Fields of two messages that differ, by their names in the file; compared by what would go on the wire. */
export function differingFields<Message>(
  codec: PartialCodec<Message>,
  fields: readonly Field<Message>[],
  messages: readonly [before: Message, after: Message],
): string[] {
  const [before, after] = messages.map((message) =>
    fields.map(({ key }) => Buffer.from(codec.encode(codec.fromPartial({ [key]: message[key] })).finish())),
  );
  return fields.filter((_, index) => !before?.[index]?.equals(after?.[index] ?? Buffer.of())).map((f) => f.fileName);
}

/** Whether the sender said something about a field: it is present, and a list is not empty. */
export function isSet(value: unknown): boolean {
  return value !== undefined && (!Array.isArray(value) || value.length > 0);
}
