/** An expression that cannot be used. The message is for the person who wrote it. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  /** Place in the expression, counted from 0. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}
