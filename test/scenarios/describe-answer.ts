import type { CallerAnswer } from "./call-spillway.ts";

interface Choice {
  readonly delta?: { readonly content?: string | null };
  readonly message?: { readonly content?: string | null };
  readonly finish_reason?: string | null;
}

interface Chunk {
  readonly choices?: readonly Choice[];
  readonly error?: { readonly code?: string | null; readonly type?: string };
}

/** An answer in one short line, e.g. `200 "Hello" stop [DONE]`, `200 "Hel" error:stream_broken` or `502 targets_exhausted`. */
export function describeAnswer(answer: CallerAnswer): string {
  const { status, headers, body, isWhole, hasLeft } = answer;
  if (status === 0 || hasLeft) {
    return hasLeft ? "left" : "no answer";
  }
  const words = String(headers["content-type"]).startsWith("text/event-stream")
    ? describeStream(body)
    : describeDocument(body);
  return [status, ...words, ...(isWhole ? [] : ["cut"])].join(" ");
}

/** Whether a description is what is expected; a `*` in that stands for anything. */
export function isLike(actual: string, pattern: string): boolean {
  const [start = "", end] = pattern.split("*");
  return end === undefined ? actual === pattern : actual.startsWith(start) && actual.endsWith(end);
}

/** The data of every event of a stream. */
export function eventsOf(body: string): string[] {
  return body
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((event) =>
      event
        .split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice("data:".length).trim())
        .join("\n"),
    )
    .filter((data) => data !== "");
}

function describeStream(body: string): string[] {
  let text = "";
  const ends: string[] = [];
  for (const data of eventsOf(body)) {
    if (data === "[DONE]") {
      ends.push("[DONE]");
    } else {
      const { choices: [choice] = [], error } = parse(data);
      text += choice?.delta?.content ?? "";
      if (choice?.finish_reason) {
        ends.push(choice.finish_reason);
      }
      if (error !== undefined) {
        ends.push(`error:${error.code ?? error.type}`);
      }
    }
  }
  return [JSON.stringify(text), ...ends];
}

function describeDocument(body: string): string[] {
  const { choices: [choice] = [], error } = parse(body);
  if (error !== undefined) {
    return [error.code ?? error.type ?? "error"];
  }
  return [JSON.stringify(choice?.message?.content), choice?.finish_reason ?? "no finish"];
}

function parse(text: string): Chunk {
  try {
    return JSON.parse(text) as Chunk;
  } catch {
    return { error: { code: "not JSON" } };
  }
}
