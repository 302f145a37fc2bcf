import type { configV1 } from "#contracts";
import type { Field } from "../field-table.ts";

/** The fields of a model definition that callers may set. */
export const modelDefinitionFields: readonly Field<configV1.GatewayModelDefinition>[] = [
  { key: "name", path: "name", fileName: "name" },
  { key: "secretId", path: "secret_id", fileName: "secret" },
  { key: "provider", path: "provider", fileName: "provider" },
  { key: "modelName", path: "model_name", fileName: "model" },
  { key: "baseUrl", path: "base_url", fileName: "base_url" },
  { key: "contextWindow", path: "context_window", fileName: "context_window" },
  { key: "maxOutputTokens", path: "max_output_tokens", fileName: "max_output_tokens" },
  { key: "capabilities", path: "capabilities", fileName: "capabilities" },
  { key: "price", path: "price", fileName: "price" },
  { key: "policy", path: "policy", fileName: "policy" },
  { key: "probe", path: "probe", fileName: "probe" },
  { key: "propagateTraceContext", path: "propagate_trace_context", fileName: "propagate_trace_context" },
];
