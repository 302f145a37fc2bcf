import type { HrTime } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { describeSpan, type SpanDescription } from "./describe-span.ts";

/** How a tree is shown. */
export interface SpanTreeFormat {
  readonly colours: boolean;
  /** Number of spans that are not among those given. */
  readonly leftOut: number;
}

/** One line, in three columns. */
interface Row {
  readonly branch: string;
  readonly label: string;
  /** Of an attempt, the part that its target plays. */
  readonly part: string;
  readonly durationText: string;
  readonly detail: string;
  readonly outcome: SpanDescription["outcome"] | "note";
}

/** Spans by the span id of their parent, in the order in which they began; under undefined those without one here. */
type Children = ReadonlyMap<string | undefined, readonly ReadableSpan[]>;

const shownGapMs = 1;
const signOfOutcome = { failed: "✗ ", served: "✓ ", neutral: "", note: "" } as const;

/** Draws the spans of one request as a tree, one line a span, in the order in which they began. */
export function formatSpanTree(spans: readonly ReadableSpan[], { colours, leftOut }: SpanTreeFormat): string {
  const children = groupByParent(spans);
  const root = children.get(undefined)?.[0];
  if (root === undefined) {
    return "";
  }
  const rows = alignParts([...drawSpan(root, { branch: "", stem: "" }, children)]);
  const labelWidth = Math.max(...rows.map((row) => row.branch.length + row.label.length));
  const durationWidth = Math.max(...rows.map((row) => row.durationText.length));
  const paint = colours ? paintRow : (row: Row) => row;
  const lines = rows.map((row) => {
    const label = row.label.padEnd(labelWidth - row.branch.length);
    const painted = paint({ ...row, label, durationText: row.durationText.padStart(durationWidth) });
    return `${painted.branch}${painted.label}  ${painted.durationText}  ${painted.detail}`.trimEnd();
  });
  const more = leftOut > 0 ? ` and ${leftOut} more spans` : "";
  const last = `trace ${root.spanContext().traceId}${more}`;
  return `\n${lines.join("\n")}\n${colours ? faint(last) : last}\n`;
}

function groupByParent(spans: readonly ReadableSpan[]): Children {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const inOrder = [...spans].sort((one, other) => toMs(one.startTime) - toMs(other.startTime));
  return Map.groupBy(inOrder, ({ parentSpanContext }) =>
    parentSpanContext !== undefined && ids.has(parentSpanContext.spanId) ? parentSpanContext.spanId : undefined,
  );
}

/** Puts the parts of attempts under each other. */
function alignParts(rows: readonly Row[]): Row[] {
  const width = Math.max(0, ...rows.map(({ branch, label, part }) => (part === "" ? 0 : branch.length + label.length)));
  return rows.map((row) =>
    row.part === "" ? row : { ...row, label: `${row.label.padEnd(width - row.branch.length)}  ${row.part}` },
  );
}

/** What stands before a span's own line, and before the lines below it. */
interface Lead {
  readonly branch: string;
  readonly stem: string;
}

function* drawSpan(span: ReadableSpan, { branch, stem }: Lead, children: Children): Generator<Row> {
  const { label, part, outcome, detail, notes } = describeSpan(span);
  const durationText = formatMs(toMs(span.duration));
  yield { branch, label: `${signOfOutcome[outcome]}${label}`, part, durationText, detail, outcome };
  const below = children.get(span.spanContext().spanId) ?? [];
  for (const note of notes) {
    yield noteRow(`${stem}${below.length > 0 ? "│ " : "  "}`, note);
  }
  let attemptEndMs = Number.POSITIVE_INFINITY;
  for (const [index, child] of below.entries()) {
    const isAttempt = describeSpan(child).isAttempt;
    const gapMs = isAttempt ? toMs(child.startTime) - attemptEndMs : 0;
    if (gapMs >= shownGapMs) {
      yield { ...noteRow(`${stem}│   `, "backoff"), durationText: formatMs(gapMs) };
    }
    if (isAttempt) {
      attemptEndMs = toMs(child.endTime);
    }
    const isLast = index === below.length - 1;
    const lead = { branch: `${stem}${isLast ? "└ " : "├ "}`, stem: `${stem}${isLast ? "  " : "│ "}` };
    yield* drawSpan(child, lead, children);
  }
}

function noteRow(branch: string, label: string): Row {
  return { branch, label, part: "", durationText: "", detail: "", outcome: "note" };
}

function paintRow(row: Row): Row {
  const { branch, durationText, label, outcome } = row;
  return { ...row, branch: faint(branch), durationText: faint(durationText), label: paintOfOutcome[outcome](label) };
}

function faint(text: string): string {
  return text === "" ? "" : `\u001b[2m${text}\u001b[22m`;
}

const paintOfOutcome: Readonly<Record<Row["outcome"], (text: string) => string>> = {
  failed: (text) => `\u001b[31m${text}\u001b[39m`,
  served: (text) => `\u001b[32m${text}\u001b[39m`,
  neutral: (text) => text,
  note: faint,
};

function toMs([seconds, nanoseconds]: HrTime): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

function formatMs(ms: number): string {
  if (ms >= 10_000) {
    return `${(ms / 1000).toFixed(1)} s`;
  }
  return `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;
}
