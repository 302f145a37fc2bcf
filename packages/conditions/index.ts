export { type CompiledExpression, compileCondition, compileKey, type Evaluation } from "./compile-expression.ts";
export { ExpressionError } from "./expression-error.ts";
export {
  type BodyFacts,
  CallerFacts,
  type ExpressionFacts,
  RequestFacts,
  type RequestFactsInit,
} from "./request-facts.ts";
