import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventSplitter } from "./event-splitter.ts";
import type { EventSink, RawEvent } from "./raw-event.ts";

interface Seen {
  readonly kind: "event" | "tail" | "oversized";
  readonly data: string | undefined;
  readonly name: string;
  readonly bytes: Buffer;
}

class Collector implements EventSink {
  readonly seen: Seen[] = [];

  onEvent(event: RawEvent): void {
    this.#add("event", event);
  }

  onTail(event: RawEvent): void {
    this.#add("tail", event);
  }

  onOversized(): void {
    this.seen.push({ kind: "oversized", data: undefined, name: "", bytes: Buffer.alloc(0) });
  }

  #add(kind: "event" | "tail", event: RawEvent): void {
    const data = event.dataLineCount > 0 ? event.toData() : undefined;
    this.seen.push({ kind, data, name: event.eventName, bytes: event.toBytes() });
  }
}

function split(pieces: readonly Buffer[], maxEventBytes = 1_000_000): Seen[] {
  const collector = new Collector();
  const splitter = new EventSplitter(collector, maxEventBytes);
  for (const piece of pieces) {
    splitter.push(piece);
  }
  splitter.end();
  return collector.seen;
}

function splitText(text: string): Seen[] {
  return split([Buffer.from(text)]);
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [...new Set(at.map((position) => position % (bytes.length + 1)))].sort((left, right) => left - right);
  return [0, ...cuts].map((start, index) => Buffer.from(bytes.subarray(start, cuts[index] ?? bytes.length)));
}

const dataOf = (seen: readonly Seen[]) => seen.filter(({ data }) => data !== undefined).map(({ data }) => data);
const textOf = (seen: readonly Seen[]) => Buffer.concat(seen.map(({ bytes }) => bytes)).toString();

describe("EventSplitter", () => {
  test.each([
    ["line feeds", 'data: {"a":1}\n\ndata: 2\n\n', ['{"a":1}', "2"]],
    ["CRLF", "data: 1\r\n\r\ndata: 2\r\n\r\n", ["1", "2"]],
    ["lone CR", "data: 1\r\rdata: 2\r\r", ["1", "2"]],
    ["no space after the colon", "data:1\n\n", ["1"]],
    ["only one space is taken away", "data:  1\n\n", [" 1"]],
    ["several data lines", "data: {\ndata: }\n\n", ["{\n}"]],
    ["a data line without a colon", "data\n\n", [""]],
    ["other fields", "event: delta\nid: 7\nretry: 10\ndata: 1\n\n", ["1"]],
    ["names that only begin alike", "database: 1\ndata: 2\n\n", ["2"]],
    ["a byte order mark", "\ufeffdata: 1\n\n", ["1"]],
    ["blank lines between events", "\n\ndata: 1\n\n\n\ndata: 2\n\n", ["1", "2"]],
    ["UTF-8", "data: žluťoučký 🐎\n\n", ["žluťoučký 🐎"]],
  ])("reads %s", (_name, text, expected) => {
    expect(dataOf(splitText(text))).toEqual(expected);
  });

  test("hands on the bytes as they came", () => {
    const text = ": hi\nevent: x\ndata: {\ndata:}\n\ndata: 2\r\n\r\nid: 3\ndata: 3\r\r";
    expect(textOf(splitText(text))).toBe(text);
  });

  test("hands on a comment as soon as its line ends", () => {
    const collector = new Collector();
    const splitter = new EventSplitter(collector, 1_000);
    splitter.push(Buffer.from(": keep-alive\n"));
    expect(collector.seen.map(({ bytes }) => bytes.toString())).toEqual([": keep-alive\n\n"]);
    splitter.push(Buffer.from("\n: again\n\ndata: 1\n\n"));
    expect(collector.seen.map(({ data }) => data)).toEqual([undefined, undefined, "1"]);
  });

  test("does not wait for the line feed that may follow a CR", () => {
    const collector = new Collector();
    const splitter = new EventSplitter(collector, 1_000);
    splitter.push(Buffer.from("data: 1\r\n\r"));
    expect(collector.seen.map(({ bytes }) => bytes.toString())).toEqual(["data: 1\r\n\r\n"]);
    splitter.push(Buffer.from("\ndata: 2\r\n\r\n"));
    expect(dataOf(collector.seen)).toEqual(["1", "2"]);
  });

  test("tells an event without its blank line as a tail", () => {
    for (const text of ["data: 1", "data: 1\n", "data: 1\r", "data: 1\r\n"]) {
      expect(splitText(`data: 0\n\n${text}`).map(({ kind, data }) => [kind, data])).toEqual([
        ["event", "0"],
        ["tail", "1"],
      ]);
    }
    expect(splitText("data: 0\n\ndata: 1")[1]?.bytes.toString()).toBe("data: 1\n\n");
    expect(splitText(": only a comment")).toEqual([]);
    expect(splitText("")).toEqual([]);
  });

  test("stops at an event that is too long, whole or not", () => {
    const long = `data: ${"x".repeat(200)}`;
    expect(split([Buffer.from(`data: 1\n\n${long}\n\ndata: 2\n\n`)], 100).map(({ kind }) => kind)).toEqual([
      "event",
      "oversized",
    ]);
    expect(split([Buffer.from(`data: 1\n\n${long}`), Buffer.from("y\n\n")], 100).map(({ kind }) => kind)).toEqual([
      "event",
      "oversized",
    ]);
  });

  test("takes a long event in tiny pieces in linear time", () => {
    const bytes = Buffer.from(`data: ${"x".repeat(1_000_000)}\n\n`);
    const pieces = Array.from({ length: bytes.length }, (_, index) => bytes.subarray(index, index + 1));
    const before = process.cpuUsage();
    expect(split(pieces, 2_000_000)).toHaveLength(1);
    const { user, system } = process.cpuUsage(before);
    // A tenth of a second of the processor, whoever else uses it; copies of all that came would take a minute.
    expect((user + system) / 1e6).toBeLessThan(5);
  });

  test("sees the same events and bytes wherever the body is cut", () => {
    const line = fc.constantFrom(
      "data: 1",
      "data:2",
      "data",
      "data: ",
      "data: žž🐎",
      ": comment",
      "event: ping",
      "id: 1",
      "",
      "",
    );
    const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), lineEnd, fc.array(fc.nat(200)), (lines, end, cuts) => {
        const bytes = Buffer.from(lines.map((text) => text + end).join(""));
        const whole = split([bytes]);
        const pieces = split(cut(bytes, cuts));
        expect(dataOf(pieces)).toEqual(dataOf(whole));
        expect(
          splitText(textOf(pieces))
            .map(({ data }) => data)
            .filter((data) => data !== undefined),
        ).toEqual(dataOf(whole));
      }),
      { numRuns: 2_000 },
    );
  });

  test("slices that were handed on are never written to again", () => {
    const text = Array.from({ length: 50 }, (_, index) => `data: event number ${index}\n\n`).join("");
    const bytes = Buffer.from(text);
    for (const size of [1, 2, 3, 7, 19, 64]) {
      const pieces: Buffer[] = [];
      for (let start = 0; start < bytes.length; start += size) {
        pieces.push(Buffer.from(bytes.subarray(start, start + size)));
      }
      expect(textOf(split(pieces))).toBe(text);
    }
  });
});
