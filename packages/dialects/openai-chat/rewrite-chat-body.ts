import type { ByteSpan, ChatBody } from "./chat-body.ts";
import { byteOrderMarkLength } from "./scan-chat-body.ts";

/** What to change in a body; everything else stays byte for byte as it is. */
export interface ChatBodyChanges {
  /** Replaces the value of `model`. */
  readonly model?: string;
  /** True asks for the usage event of a stream, whatever the body says of it. */
  readonly includeUsage?: boolean;
}

interface Splice extends ByteSpan {
  readonly text: Buffer;
}

/**
 * A new body with the changes spliced in, without a byte order mark; the given body is untouched. When nothing is to
 * change the result is the given bytes themselves.
 */
export function rewriteChatBody(body: ChatBody, changes: ChatBodyChanges): Buffer {
  const splices = toSplices(body, changes);
  const start = byteOrderMarkLength(body.bytes);
  if (splices.length === 0) {
    return start === 0 ? body.bytes : body.bytes.subarray(start);
  }
  let length = body.bytes.length - start;
  for (const splice of splices) {
    length += splice.text.length - (splice.end - splice.start);
  }
  const rewritten = Buffer.allocUnsafe(length);
  let from = start;
  let to = 0;
  for (const splice of splices) {
    to += body.bytes.copy(rewritten, to, from, splice.start);
    to += splice.text.copy(rewritten, to);
    from = splice.end;
  }
  body.bytes.copy(rewritten, to, from);
  return rewritten;
}

function toSplices(body: ChatBody, { model, includeUsage }: ChatBodyChanges): Splice[] {
  const splices: Splice[] = [];
  if (includeUsage === true && !body.includesUsage) {
    splices.push(toUsageSplice(body));
  }
  if (model !== undefined && (model !== body.model || body.modelSpans.length > 1)) {
    const text = Buffer.from(JSON.stringify(model));
    for (const { start, end } of body.modelSpans) {
      splices.push({ start, end, text });
    }
  }
  return splices.length < 2 ? splices : splices.sort((left, right) => left.start - right.start);
}

const usageMember = Buffer.from('"stream_options":{"include_usage":true},');

function toUsageSplice({ bytes, firstMemberOffset, streamOptionsSpan }: ChatBody): Splice {
  if (streamOptionsSpan === undefined) {
    // A body has a `model`, so another member always follows.
    return { start: firstMemberOffset, end: firstMemberOffset, text: usageMember };
  }
  const { start, end } = streamOptionsSpan;
  const options: unknown = JSON.parse(bytes.toString("utf8", start, end));
  const text = Buffer.from(JSON.stringify({ ...(options as object | null), include_usage: true }));
  return { start, end, text };
}
