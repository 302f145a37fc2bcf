import { BinaryReader } from "@bufbuild/protobuf/wire";

/** One series of a metric as it was sent, as plain data. */
export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: "gauge" | "sum" | "histogram";
  readonly labels: Readonly<Record<string, string>>;
  /** Of a gauge or sum. */
  readonly value: number | undefined;
  /** Of a histogram. */
  readonly histogram:
    | { readonly count: number; readonly sum: number; readonly bounds: number[]; readonly counts: number[] }
    | undefined;
}

/** Decodes an `ExportMetricsServiceRequest`: what tests look at, by the field numbers of OTLP 1.x. */
export function decodeOtlpMetrics(body: Uint8Array): ReceivedMetric[] {
  return fieldsOf(body, 1).flatMap((resourceMetrics) =>
    fieldsOf(resourceMetrics, 2).flatMap((scopeMetrics) => fieldsOf(scopeMetrics, 2).flatMap(decodeMetric)),
  );
}

const kinds = { 5: "gauge", 7: "sum", 9: "histogram" } as const;

function decodeMetric(bytes: Uint8Array): ReceivedMetric[] {
  const name = textOf(bytes, 1);
  const unit = textOf(bytes, 3);
  return ([5, 7, 9] as const).flatMap((field) =>
    fieldsOf(bytes, field)
      .flatMap((data) => fieldsOf(data, 1))
      .map((point) => {
        const kind = kinds[field];
        const isHistogram = kind === "histogram";
        return {
          name,
          unit,
          kind,
          labels: decodeLabels(fieldsOf(point, isHistogram ? 9 : 7)),
          value: isHistogram ? undefined : numberOf(point, 4),
          histogram: isHistogram ? decodeHistogram(point) : undefined,
        };
      }),
  );
}

function decodeHistogram(point: Uint8Array) {
  return { count: wholeOf(point, 4), sum: numberOf(point, 5), bounds: numbersOf(point, 7), counts: wholesOf(point, 6) };
}

function decodeLabels(pairs: readonly Uint8Array[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => [textOf(pair, 1), textOf(fieldsOf(pair, 2)[0] ?? new Uint8Array(), 1)]),
  );
}

/** Calls `read` at every field of this number. */
function visit(bytes: Uint8Array, field: number, read: (reader: BinaryReader) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === field) {
      read(reader);
    } else {
      reader.skip(wireType);
    }
  }
}

function fieldsOf(bytes: Uint8Array, field: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  visit(bytes, field, (reader) => found.push(reader.bytes()));
  return found;
}

function textOf(bytes: Uint8Array, field: number): string {
  return new TextDecoder().decode(fieldsOf(bytes, field)[0]);
}

function numberOf(bytes: Uint8Array, field: number): number {
  let value = 0;
  visit(bytes, field, (reader) => {
    value = reader.double();
  });
  return value;
}

function wholeOf(bytes: Uint8Array, field: number): number {
  let value = 0;
  visit(bytes, field, (reader) => {
    value = Number(reader.fixed64());
  });
  return value;
}

function numbersOf(bytes: Uint8Array, field: number): number[] {
  return fieldsOf(bytes, field).flatMap((packed) => readAll(packed, (reader) => reader.double()));
}

function wholesOf(bytes: Uint8Array, field: number): number[] {
  return fieldsOf(bytes, field).flatMap((packed) => readAll(packed, (reader) => Number(reader.fixed64())));
}

function readAll(packed: Uint8Array, read: (reader: BinaryReader) => number): number[] {
  const reader = new BinaryReader(packed);
  const values: number[] = [];
  while (reader.pos < reader.len) {
    values.push(read(reader));
  }
  return values;
}
