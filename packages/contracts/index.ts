export * as configV1 from "./config-v1.ts";
export { readDescriptorImage } from "./descriptor-image.ts";
export { enumName } from "./enum-name.ts";
export * as errorsV1 from "./errors-v1.ts";
export * as googleRpc from "./google-rpc.ts";
export * as grpcStandard from "./grpc-standard.ts";
export * as inferenceV1 from "./inference-v1.ts";
export * as routingV1 from "./routing-v1.ts";
