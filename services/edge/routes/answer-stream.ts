import type { inferenceV1 } from "#contracts";
import type { Exchange } from "../exchange.ts";

/**
 * Sends a stream to the caller as fast as the caller reads, and pulls no faster. Nothing is sent before the head; a failure
 * before it is thrown, and one after it too. Leaves the stream, and so cancels it, when nothing more can be sent.
 */
export async function answerStream(
  exchange: Exchange,
  events: AsyncIterable<inferenceV1.StreamInvokeResponse>,
): Promise<void> {
  for await (const { event } of events) {
    if (event?.$case === "data") {
      if (!exchange.write(event.value)) {
        await exchange.writable();
      }
    } else if (event?.$case === "head") {
      exchange.beginStream(event.value.contentType || "text/event-stream; charset=utf-8", event.value.trail);
    }
    if (exchange.isOver) {
      return;
    }
  }
  exchange.endStream();
}
