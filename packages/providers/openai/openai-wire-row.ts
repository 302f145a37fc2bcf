import type { ClassifyOptions } from "../failures/classify-error.ts";

/** How one vendor's wire differs from OpenAI's. */
export interface OpenAiWireQuirks {
  /** Whether the usage of a stream comes unasked, or a request that asks for it is refused: then it is not asked for. */
  readonly sendsUsageUnasked?: boolean;
  /** Whether `completion_tokens` leaves out the reasoning tokens. */
  readonly addsReasoningTokens?: boolean;
}

/** One row of the table of OpenAI-compatible providers. */
export interface OpenAiWireRow {
  readonly id: string;
  /** With its version, e.g. `https://api.openai.com/v1`; undefined when every deployment has its own. */
  readonly baseUrl: string | undefined;
  /** Whether a key is needed; where it is not, one may still be given. */
  readonly needsKey: boolean;
  readonly quirks?: OpenAiWireQuirks;
  /** What its error codes mean where they mean something else than everybody's. */
  readonly codes?: ClassifyOptions["codes"];
}
