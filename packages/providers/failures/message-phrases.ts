/** Phrases are searched in bare messages, and there only: never in a whole body, which may hold the prompt. */
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
  "is longer than the maximum model length of",
];

const contextPatterns: readonly RegExp[] = [
  /current length is \d+ while limit is \d+/,
  /`?inputs`? tokens \+ `?max_new_tokens`? must be <=/,
  /`?inputs`? must have less than \d+ tokens/,
  // Cohere says the same of an output that is longer than the model's.
  /too many tokens: (?!max tokens must be)/,
];

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
  "budget has been exceeded",
];

const usageLimitPhrase = /reached your specified .{0,32}usage limits/;

/** What may stand before a phrase at the beginning of a message: words of the vendor's own, never one of the caller's. */
const leadingWords =
  "(?:(?:sorry|you|your|you've|have|has|had|been|either|no|more|there|are|is|the|this|our|team|organization|account|workspace|project|user|monthly|daily|out|of|enough|exceeded|\\d{1,6})[,.]? ){0,8}";

const quotaBeginning = new RegExp(`^${leadingWords}(?:${quotaPhrases.join("|")}|${usageLimitPhrase.source})`);

const policyPhrases: Phrases = [
  "rejected as a result of our safety system",
  "triggering azure openai's content management policy",
  "content management policy",
  "violates our usage polic",
  "violates usage guidelines",
  "content violates",
  "content exists risk",
];

const credentialPhrases: Phrases = [
  "incorrect api key",
  "invalid api key",
  "api key not valid",
  "api key not found",
  "api key expired",
  "invalid api token",
];

const credentialBeginning = new RegExp(`^${leadingWords}(?:${credentialPhrases.join("|")})`);

/** How vendors say under 400 that our account is not let in, as the message begins. */
const accountPattern =
  /^(?:this organization has been disabled\b|this credential is only authorized for use with |operation not allowed(?!\s?\w))/;

const missingFilePattern =
  /^(?:no such file object\b|you do not have permission to access the file \S{1,256} or it may not exist)/;

const overloadPhrases: Phrases = ["currently overloaded", "is overloaded", "server overloaded", "slow down"];

/** Whether the message says that the prompt does not fit the model. It is not asked when a rate or quota is limited. */
export function saysContextExceeded(message: string): boolean {
  return includesAny(message, contextPhrases) || contextPatterns.some((pattern) => pattern.test(message));
}

/** Whether the message says that credit or quota is used up. */
export function saysQuotaExhausted(message: string): boolean {
  return includesAny(message, quotaPhrases) || usageLimitPhrase.test(message);
}

/** Whether the message begins with that. What it quotes of a request stands further on. */
export function beginsWithQuotaExhausted(message: string): boolean {
  return quotaBeginning.test(message);
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

/** Whether the message begins with that our key is wrong or our account is not let in, as some write under status 400. */
export function saysKeyRejected(message: string): boolean {
  return accountPattern.test(message) || credentialBeginning.test(message);
}

/** Whether the message says that OpenAI knows too little of our organization for what was asked. Its code says less. */
export function saysOrganizationUnverified(message: string): boolean {
  return message.startsWith("your organization must be verified to ");
}

/** Whether the message says that there is no such file as the caller names. */
export function saysFileMissing(message: string): boolean {
  return missingFilePattern.test(message);
}

/** Whether the message says that the provider has too much to do. */
export function saysOverloaded(message: string): boolean {
  return includesAny(message, overloadPhrases);
}

/** Whether the message says that NVIDIA has taken the model out of service for a while, which comes under 400. */
export function saysDegraded(message: string): boolean {
  return /^function id '[^']{1,64}': degraded function cannot be invoked/.test(message);
}

function includesAny(message: string, phrases: Phrases): boolean {
  return phrases.some((phrase) => message.includes(phrase));
}
