export * from "./gen/spillway/errors/v1/error_reason.ts";
export * from "./gen/spillway/errors/v1/failure_class.ts";
