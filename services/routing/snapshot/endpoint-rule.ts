import { type CompiledExpression, compileCondition, compileKey, ExpressionError } from "#conditions";

/** A condition of an endpoint, ready to be evaluated, and the mappings that it chooses. */
export interface EndpointRule<Target> {
  readonly name: string;
  readonly when: CompiledExpression<boolean>;
  /** Never empty. */
  readonly targets: readonly Target[];
}

/** Compiles a rule's condition. One that does not compile, because an older version wrote it, never holds. */
export function compileWhen(source: string): CompiledExpression<boolean> {
  return compileOrFail(() => compileCondition(source));
}

/** Compiles a sticky key. One that does not compile gives no key. */
export function compileStickyKey(source: string): CompiledExpression<string> {
  return compileOrFail(() => compileKey(source));
}

function compileOrFail<Value>(compile: () => CompiledExpression<Value>): CompiledExpression<Value> {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof ExpressionError)) {
      throw error;
    }
    const failure = { ok: false, error: `does not compile: ${error.message}` } as const;
    return () => failure;
  }
}
