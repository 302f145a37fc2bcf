import type { inferenceV1 } from "#contracts";

/** A model of the OpenAI API, as `GET /v1/models/{id}` answers it. */
export interface OpenAiModel {
  readonly id: string;
  readonly object: "model";
  /** Creation time in seconds since the epoch. */
  readonly created: number;
  readonly owned_by: string;
}

/** An endpoint in the shape of an OpenAI model. */
export function toOpenAiModel(model: inferenceV1.Model): OpenAiModel {
  const created = Math.floor(Number(model.createdAt) / 1000);
  return { id: model.name, object: "model", created, owned_by: "spillway" };
}

/** The JSON body of `GET /v1/models`. */
export function toOpenAiModelsBody(models: readonly inferenceV1.Model[]): string {
  return JSON.stringify({ object: "list", data: models.map(toOpenAiModel) });
}
