import type { BodyFacts } from "#conditions";
import type { Target } from "../snapshot/snapshot.ts";

/** What a request needs of a target. */
export interface RequestNeeds {
  readonly stream: boolean;
  readonly body: BodyFacts;
}

/** Why a target cannot serve a request, for people; undefined when it can. What a target does not declare is not held against it. */
export function unfitReason(target: Target, needs: RequestNeeds): string | undefined {
  return windowReason(target, needs.body) ?? capabilityReason(target, needs);
}

function windowReason({ contextWindow, maxOutputTokens }: Target, body: BodyFacts): string | undefined {
  const { estimatedInputTokens, maxTokens } = body;
  if (contextWindow !== undefined && estimatedInputTokens + maxTokens > contextWindow) {
    return `its context window of ${contextWindow} tokens is too small for about ${estimatedInputTokens} of prompt and ${maxTokens} of answer`;
  }
  return maxOutputTokens !== undefined && maxTokens > maxOutputTokens
    ? `its answers have at most ${maxOutputTokens} tokens, not ${maxTokens}`
    : undefined;
}

function capabilityReason({ capabilities }: Target, { stream, body }: RequestNeeds): string | undefined {
  if (capabilities.size === 0) {
    return undefined;
  }
  const needed: readonly (readonly [string, boolean])[] = [
    ["tools", body.hasTools],
    ["vision", body.hasImages],
    ["json_schema", body.wantsJsonSchema],
    ["streaming", stream],
  ];
  const missing = needed.filter(([name, isNeeded]) => isNeeded && !capabilities.has(name)).map(([name]) => name);
  return missing.length === 0 ? undefined : `it does not declare ${missing.join(", ")}`;
}
