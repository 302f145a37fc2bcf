import { CallerFacts, type ExpressionFacts, RequestFacts } from "#conditions";
import { enumName, inferenceV1 } from "#contracts";
import { type ChatBody, inspectChatBody } from "#dialects";
import type { CallerKey } from "../snapshot/snapshot.ts";

/** The parts of a request that expressions and fitness read. */
export interface ReadRequest {
  readonly dialect: inferenceV1.Dialect;
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: boolean;
  /** Parsed only if something that it tells is read. */
  readonly body: ChatBody;
}

/** What expressions read of a request to this endpoint. */
export function toExpressionFacts(
  endpoint: string,
  key: CallerKey | undefined,
  { dialect, headers, stream, body }: ReadRequest,
): ExpressionFacts {
  const request = new RequestFacts({
    endpoint,
    dialect: enumName(inferenceV1.Dialect, dialect),
    stream,
    headers,
    readBody: () => inspectChatBody(body),
  });
  return { request, caller: new CallerFacts(key?.name ?? "") };
}
