import { inferenceV1 } from "#contracts";
import { deadlineHeader, isBodyFault, parseDeadlineMs, scanChatBody } from "#dialects";
import type { Service } from "#rpc";
import type { Exchange } from "../exchange.ts";
import { createHttpFailure } from "../http-failure.ts";
import { toInvokeHeaders } from "../invoke-headers.ts";
import { answerStream } from "./answer-stream.ts";

const noBody = Buffer.alloc(0);

/** Answers `POST /v1/chat/completions`. The body goes on as it came; only what decides the road is read from it. */
export async function answerChatCompletion(
  inference: Service<inferenceV1.InferenceServiceDefinition>,
  exchange: Exchange,
  bytes: Buffer | undefined,
): Promise<void> {
  const body = scanChatBody(bytes ?? noBody);
  exchange.endpoint = body.model;
  if (isBodyFault(body)) {
    exchange.failWith(createHttpFailure(400, { message: body.message, param: body.param, code: "invalid_body" }));
    return;
  }
  const deadlineText = exchange.headers[deadlineHeader];
  const deadlineMs = deadlineText === undefined ? undefined : parseDeadlineMs(String(deadlineText));
  if (deadlineText !== undefined && deadlineMs === undefined) {
    const message = `The header ${deadlineHeader} must be a positive whole number of milliseconds.`;
    exchange.failWith(createHttpFailure(400, { message, param: deadlineHeader, code: "invalid_field" }));
    return;
  }
  const request: inferenceV1.InvokeRequest = {
    endpoint: body.model,
    dialect: inferenceV1.Dialect.OPENAI_CHAT,
    body: body.bytes,
    headers: toInvokeHeaders(exchange.headers, exchange.requestId),
  };
  const context = exchange.toCallContext(deadlineMs);
  try {
    if (body.stream) {
      await answerStream(exchange, inference.streamInvoke(request, context));
    } else {
      const response = await inference.invoke(request, context);
      const contentType = response.contentType || "application/json";
      exchange.answer({ status: 200, contentType, body: response.body, trail: response.trail });
    }
  } catch (thrown) {
    exchange.fail(thrown);
  }
}
