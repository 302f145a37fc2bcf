export * from "./gen/spillway/config/v1/api_key.ts";
export * from "./gen/spillway/config/v1/budget.ts";
export * from "./gen/spillway/config/v1/config_document.ts";
export * from "./gen/spillway/config/v1/config_service.ts";
export * from "./gen/spillway/config/v1/endpoint.ts";
export * from "./gen/spillway/config/v1/policy.ts";
export * from "./gen/spillway/config/v1/snapshot.ts";
