export {
  ExportTraceServiceRequest,
  ExportTraceServiceResponse,
} from "./gen/opentelemetry/proto/collector/trace/v1/trace_service.ts";
export type { AnyValue, KeyValue } from "./gen/opentelemetry/proto/common/v1/common.ts";
