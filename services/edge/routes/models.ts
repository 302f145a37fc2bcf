import type { inferenceV1 } from "#contracts";
import { toOpenAiModel, toOpenAiModelsBody } from "#dialects";
import type { Service } from "#rpc";
import type { Exchange } from "../exchange.ts";
import { createHttpFailure } from "../http-failure.ts";

/** Answers `GET /v1/models`: the endpoints that the caller may use. */
export async function answerModels(
  inference: Service<inferenceV1.InferenceServiceDefinition>,
  exchange: Exchange,
): Promise<void> {
  try {
    const { models, revision } = await inference.listModels({}, exchange.toCallContext());
    exchange.answerJson(200, toOpenAiModelsBody(models), String(revision));
  } catch (thrown) {
    exchange.fail(thrown);
  }
}

/** Answers `GET /v1/models/{id}`. An endpoint that the caller may not use is answered as one that does not exist. */
export async function answerModel(
  inference: Service<inferenceV1.InferenceServiceDefinition>,
  exchange: Exchange,
  name: string,
): Promise<void> {
  try {
    const { models, revision } = await inference.listModels({}, exchange.toCallContext());
    const model = models.find((candidate) => candidate.name === name);
    if (model === undefined) {
      const message = `The model '${name}' does not exist or you do not have access to it.`;
      const error = { message, param: "model", code: "model_not_found", revision: String(revision) };
      exchange.failWith(createHttpFailure(404, error));
    } else {
      exchange.answerJson(200, JSON.stringify(toOpenAiModel(model)), String(revision));
    }
  } catch (thrown) {
    exchange.fail(thrown);
  }
}
