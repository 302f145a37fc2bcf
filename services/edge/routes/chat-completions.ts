import { inferenceV1 } from "#contracts";
import { isBodyFault, scanChatBody } from "#dialects";
import type { Service } from "#rpc";
import type { Exchange } from "../exchange.ts";
import { createHttpFailure } from "../http-failure.ts";
import { toInvokeHeaders } from "../invoke-headers.ts";
import { answerStream } from "./answer-stream.ts";

const deadlineHeader = "x-spillway-deadline-ms";
const positiveInteger = /^[1-9]\d{0,9}$/;
const noBody = Buffer.alloc(0);

/** Answers `POST /v1/chat/completions`. The body goes on as it came; only what decides the road is read from it. */
export async function answerChatCompletion(
  inference: Service<inferenceV1.InferenceServiceDefinition>,
  exchange: Exchange,
  bytes: Buffer | undefined,
): Promise<void> {
  const body = scanChatBody(bytes ?? noBody);
  if (isBodyFault(body)) {
    exchange.failWith(createHttpFailure(400, { ...body, code: "invalid_body" }));
    return;
  }
  exchange.endpoint = body.model;
  const deadline = exchange.headers[deadlineHeader];
  if (deadline !== undefined && !positiveInteger.test(String(deadline))) {
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
  try {
    if (body.stream) {
      await answerStream(exchange, inference.streamInvoke(request, exchange.toCallContext()));
    } else {
      const response = await inference.invoke(request, exchange.toCallContext());
      const contentType = response.contentType || "application/json";
      exchange.answer({ status: 200, contentType, body: response.body, trail: response.trail });
    }
  } catch (thrown) {
    exchange.fail(thrown);
  }
}
