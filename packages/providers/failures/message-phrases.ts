/** Phrases are searched in lower-cased messages, and there only: never in a whole body, which may hold the prompt. */
type Phrases = readonly string[];

const contextPhrases: Phrases = [
  "context_length_exceeded",
  "maximum context length",
  "exceed context limit",
  "prompt is too long",
  "input is too long",
  "exceeds the context window",
  "exceeds the maximum number of tokens allowed",
  "maximum prompt length is",
  "reduce the length of the messages",
  "longer than the model's context length",
  "exceeds the maximum allowed input length",
  "too large for model with",
  "exceeded model token limit",
  "exceeds the available context size",
  "greater than the context length",
  "context window exceeds limit",
  "prompt too long; exceeded",
  "range of input length should be",
  "context length is only",
  "too many tokens:",
];

const currentLengthPhrase = /current length is \d+ while limit is \d+/;

const quotaPhrases: Phrases = [
  "insufficient_quota",
  "credit balance",
  "insufficient balance",
  "insufficient credits",
  "no credits remaining",
  "used all available credits",
  "spending limit",
  "payment required",
  "maximum billing reached",
  "too many tokens per day",
  "calls / month",
];

const usageLimitPhrase = /reached your specified .{0,32}usage limits/;

const policyPhrases: Phrases = [
  "rejected as a result of our safety system",
  "triggering azure openai's content management policy",
  "content management policy",
  "violates our usage polic",
  "violates usage guidelines",
  "content violates",
];

const credentialPhrases: Phrases = [
  "incorrect api key",
  "invalid api key",
  "api key not valid",
  "api key not found",
  "api key expired",
  "invalid api token",
];

const modelPhrases: Phrases = [
  "the provided model identifier is invalid",
  "with on-demand throughput isn't supported",
  "model not found",
];

const missingModelPhrase = /\bmodel ['"`]?[^\s'"`]{1,128}['"`]? (?:does not exist|not found)/;

const overloadPhrases: Phrases = ["currently overloaded", "is overloaded", "server overloaded", "slow down"];

/** Whether the message says that the prompt does not fit the model. It is not asked when a rate or quota is limited. */
export function saysContextExceeded(message: string): boolean {
  return (
    includesAny(message, contextPhrases) ||
    currentLengthPhrase.test(message) ||
    (message.includes("must be") && message.includes("inputs tokens + max_new_tokens"))
  );
}

/** Whether the message says that credit or quota is used up. */
export function saysQuotaExhausted(message: string): boolean {
  return includesAny(message, quotaPhrases) || usageLimitPhrase.test(message);
}

/**
 * Whether the message hints at billing. Rate limits hint at it too ("upgrade your plan"), and Google writes "exceeded your
 * current quota" for a limit per minute, so it counts only where neither can be meant.
 */
export function hintsAtBilling(message: string): boolean {
  return (
    (message.includes("billing") || message.includes("exceeded your current quota")) && !message.includes("rate limit")
  );
}

/** Whether the message says that content was refused by a filter. */
export function saysContentRefused(message: string): boolean {
  return includesAny(message, policyPhrases);
}

/** Whether the message says that our key is wrong, as some write under status 400. */
export function saysKeyRejected(message: string): boolean {
  return includesAny(message, credentialPhrases);
}

/** Whether the message says that there is no such model. */
export function saysModelMissing(message: string): boolean {
  return includesAny(message, modelPhrases) || missingModelPhrase.test(message);
}

/** Whether the message says that the provider has too much to do. */
export function saysOverloaded(message: string): boolean {
  return includesAny(message, overloadPhrases);
}

function includesAny(message: string, phrases: Phrases): boolean {
  return phrases.some((phrase) => message.includes(phrase));
}
