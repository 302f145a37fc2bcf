import type { Labels } from "./metric-cells.ts";

/** Most series of one metric; what would be more is counted in one series with `overflowLabels`. */
export const mostSeries = 2000;

/** Labels of the series that takes what has no place of its own. */
export const overflowLabels: Labels = Object.freeze({ "otel.metric.overflow": "true" });

/** The series of one metric by their labels. Their number is bounded, whatever labels are asked for. */
export class Series<Cell extends { readonly labels: Labels }> {
  readonly #create: (labels: Labels) => Cell;
  readonly #cells = new Map<string, Cell>();
  #overflow: Cell | undefined;

  constructor(create: (labels: Labels) => Cell) {
    this.#create = create;
  }

  /** The cell with these labels; made at the first call. It is cheap to keep and dear to look up, so keep it. */
  cell(labels: Labels): Cell {
    const key = JSON.stringify(Object.entries(labels));
    const known = this.#cells.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.#cells.size >= mostSeries) {
      this.#overflow ??= this.#create(overflowLabels);
      return this.#overflow;
    }
    const made = this.#create(labels);
    this.#cells.set(key, made);
    return made;
  }

  /** Drops series; whoever keeps their cells must ask for them anew. */
  forget(isGone: (labels: Labels) => boolean): void {
    for (const [key, { labels }] of this.#cells) {
      if (isGone(labels)) {
        this.#cells.delete(key);
      }
    }
  }

  /** Every cell there is. */
  *list(): Generator<Cell> {
    yield* this.#cells.values();
    if (this.#overflow !== undefined) {
      yield this.#overflow;
    }
  }
}
