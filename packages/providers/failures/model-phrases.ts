const name = "[\"'`]?[^\\s\"'`]{1,256}[\"'`]?";

/**
 * How vendors say that there is no such model, or none for this operation, as the bare message begins: a caller's text that
 * a message quotes stands further on.
 */
const beginnings: readonly RegExp[] = [
  `(?:(?:the|this|that) )?(?:(?:requested|provided|specified) )?model:?(?: ${name})? (?:does not exist|doesn't exist|(?:was |is )?not found|not exist|could not be found)\\b`,
  `models/\\S{1,256} is not found\\b`,
  "not found the model \\S",
  "(?:invalid|unknown|unavailable|unsupported) model(?: (?:id|name))?(?:$|[.,:]| [\"'`]| passed in model=)",
  `${name} is not a valid model id\\b`,
  "the supported api model names are ",
  "unable to access (?:non-serverless )?model ",
  `the requested model(?: ${name})? is not supported(?:\\.| by any provider|$)`,
  `the model ${name} has (?:been decommissioned|reached its end of life)\\b`,
  "this model version has reached the end of its life\\b",
  `(?:the model )?${name} does not support chat(?: completions)?(?!\\s?\\w)`,
  "the model does not support chat completions api\\b",
  "the \\w{1,64} operation does not work with the specified model\\b",
  "the requested operation is unsupported\\b",
  "the provided model identifier is invalid\\b",
  "the provided model doesn't support on-demand throughput\\b",
  "invocation of model id \\S{1,256} with on-demand throughput isn't supported\\b",
  "this action doesn't support the model that you provided\\b",
  "1 validation error detected: value '[^']{0,512}' at 'modelid' failed to satisfy constraint\\b",
  "\\* \\w{1,64}request\\.model: unexpected model name format\\b",
  `publisher model ${name} (?:is not servable in|was not found)\\b`,
  `invalid request: model ${name} is not supported by the \\w{1,32} api\\b`,
  "llm provider not provided\\b",
  "you passed in model=\\S{1,256} there (?:is no|are no)\\b",
  "there are no healthy deployments for this model\\b",
].map((beginning) => new RegExp(`^${beginning}`));

/** Whether a bare message says that the provider has no such model, or none that can chat. */
export function saysModelMissing(bareMessage: string): boolean {
  return beginnings.some((beginning) => beginning.test(bareMessage));
}
