import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace";
import { formatSpanTree } from "./format-span-tree.ts";

/** Where trees are printed, and how. */
export interface SpanTreePrinterOptions {
  /** Takes one tree at a time, with its line ends. */
  readonly write: (text: string) => void;
  /** Whether the terminal shows colours. */
  readonly colours: boolean;
  /** Milliseconds to wait for spans that outlive their root. Default 250. */
  readonly lateSpansMs?: number;
}

/** What began under one root in this process. */
interface OpenTree {
  readonly root: Span;
  readonly spanIds: string[];
  readonly ended: ReadableSpan[];
  open: number;
  uncounted: number;
  timer: NodeJS.Timeout | undefined;
}

const mostOpenTrees = 512;
const mostSpansOfTree = 256;

/** Prints the spans of each request as a tree when its root ends. What it holds is bounded: the oldest are let go first. */
export class SpanTreePrinter implements SpanProcessor {
  readonly #options: SpanTreePrinterOptions;
  readonly #lateSpansMs: number;
  readonly #trees = new Set<OpenTree>();
  readonly #treeOfSpan = new Map<string, OpenTree>();

  constructor(options: SpanTreePrinterOptions) {
    this.#options = options;
    this.#lateSpansMs = options.lateSpansMs ?? 250;
  }

  onStart(span: Span): void {
    const { spanId } = span.spanContext();
    const parent = span.parentSpanContext;
    if (parent === undefined || parent.isRemote === true) {
      this.#add(spanId, { root: span, spanIds: [], ended: [], open: 0, uncounted: 0, timer: undefined });
      return;
    }
    const tree = this.#treeOfSpan.get(parent.spanId);
    if (tree === undefined) {
      return;
    }
    if (tree.spanIds.length >= mostSpansOfTree) {
      tree.uncounted += 1;
    } else {
      this.#add(spanId, tree);
    }
  }

  onEnd(span: ReadableSpan): void {
    const tree = this.#treeOfSpan.get(span.spanContext().spanId);
    if (tree === undefined) {
      return;
    }
    tree.ended.push(span);
    tree.open -= 1;
    if (!tree.root.ended) {
      return;
    }
    if (tree.open === 0) {
      this.#print(tree);
    } else {
      tree.timer ??= setTimeout(() => this.#print(tree), this.#lateSpansMs).unref();
    }
  }

  forceFlush(): Promise<void> {
    for (const tree of [...this.#trees]) {
      if (tree.root.ended) {
        this.#print(tree);
      }
    }
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.forceFlush();
  }

  #add(spanId: string, tree: OpenTree): void {
    if (!this.#trees.has(tree)) {
      const [oldest] = this.#trees;
      if (oldest !== undefined && this.#trees.size >= mostOpenTrees) {
        this.#forget(oldest);
      }
      this.#trees.add(tree);
    }
    tree.spanIds.push(spanId);
    tree.open += 1;
    this.#treeOfSpan.set(spanId, tree);
  }

  #print(tree: OpenTree): void {
    this.#forget(tree);
    this.#options.write(formatSpanTree(tree.ended, { colours: this.#options.colours, leftOut: tree.uncounted }));
  }

  #forget(tree: OpenTree): void {
    clearTimeout(tree.timer);
    this.#trees.delete(tree);
    for (const spanId of tree.spanIds) {
      this.#treeOfSpan.delete(spanId);
    }
  }
}
