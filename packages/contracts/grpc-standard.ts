export * as healthV1 from "./gen/grpc/health/v1/health.ts";
export * as reflectionV1 from "./gen/grpc/reflection/v1/reflection.ts";
export * as reflectionV1alpha from "./gen/grpc/reflection/v1alpha/reflection.ts";
